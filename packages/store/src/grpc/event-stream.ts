/** Hands over an event; resolves once whoever listens took all events so far. */
export type Emit<T> = (event: T) => Promise<void>;

/**
 * What some work tells while it runs, as a stream that ends with it and fails as it does. Events wait in order until they
 * are taken: work that awaits what `emit` answers goes no faster than they are. Whoever leaves the stream ends the work.
 */
export async function* eventStream<T>(
  run: (emit: Emit<T>, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): AsyncGenerator<T, void> {
  const left = new AbortController();
  const ended = AbortSignal.any([signal, left.signal]);
  const waiting: T[] = [];
  let wake = (): void => {};
  let told: (() => void)[] = [];
  let isOver = false;
  const emit: Emit<T> = (event) => {
    if (ended.aborted) return Promise.resolve();
    waiting.push(event);
    wake();
    return new Promise((resolve) => told.push(resolve));
  };
  const tellTaken = (): void => {
    for (const resolve of told) resolve();
    told = [];
  };
  // Whoever was taking events may never take another: work that waits for that must hear of the end.
  ended.addEventListener('abort', tellTaken, { once: true });
  const work = run(emit, ended).finally(() => {
    isOver = true;
    wake();
  });
  // It is awaited below, perhaps after it failed.
  work.catch(() => {});
  try {
    for (;;) {
      for (const event of waiting.splice(0)) yield event;
      if (waiting.length > 0) continue;
      tellTaken();
      if (isOver) break;
      await new Promise<void>((resolve) => (wake = resolve));
    }
    await work;
  } finally {
    left.abort();
    await work.catch(() => {});
  }
}
