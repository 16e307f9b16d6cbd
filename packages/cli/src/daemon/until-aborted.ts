/** The items of a stream until the signal fires; then it ends, without waiting for the item to come. */
export async function* untilAborted<T>(
  items: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void> {
  const iterator = items[Symbol.asyncIterator]();
  const aborted = whenAborted(signal);
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted.promise]);
      if (next === undefined || next.done === true) return;
      yield next.value;
    }
  } finally {
    aborted.forget();
  }
}

/** A promise that resolves when the signal fires, until it is forgotten. */
export function whenAborted(signal: AbortSignal): {
  readonly promise: Promise<undefined>;
  forget(): void;
} {
  let onAbort: () => void;
  const promise = new Promise<undefined>((resolve) => {
    onAbort = () => resolve(undefined);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  return {
    promise,
    forget: () => signal.removeEventListener('abort', onAbort),
  };
}
