/**
 * Hands each batch of a source to `take`, one after the other, until the source ends.
 *
 * The signal ends it at once, even while the source stalls: it rejects with the signal's reason. Unless the source
 * ended by itself, its iterator is returned; a source that stalls isn't waited for.
 */
export async function eachBatch<T>(
  events: Iterable<readonly T[]> | AsyncIterable<readonly T[]>,
  take: (batch: readonly T[]) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const iterator =
    Symbol.asyncIterator in events
      ? events[Symbol.asyncIterator]()
      : events[Symbol.iterator]();
  let isWaiting = false;
  let hasEnded = false;
  try {
    for (;;) {
      signal.throwIfAborted();
      isWaiting = true;
      const next = await unlessAborted(iterator.next(), signal);
      isWaiting = false;
      hasEnded = next.done === true;
      if (next.done) return;
      await take(next.value);
    }
  } finally {
    if (!hasEnded) {
      // The failure that brought us here is the one to tell.
      const returned = (async () => iterator.return?.())().catch(() => {});
      if (!isWaiting) await returned;
    }
  }
}

/** The promise's outcome, or the signal's reason if that comes first. Leaves no listener behind. */
function unlessAborted<T>(
  promise: T | Promise<T>,
  signal: AbortSignal,
): T | Promise<T> {
  if (!(typeof promise === 'object' && promise !== null && 'then' in promise))
    return promise;
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    // What made the promise may have aborted the signal itself, which then tells nobody any more.
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    promise
      .finally(() => signal.removeEventListener('abort', abort))
      .then(resolve, reject);
  });
}
