interface Running<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

/** Calls with the same key at the same time share one run, which ends early only when nobody waits for it any more. */
export class SharedCalls<T> {
  readonly #running = new Map<string, Running<T>>();

  /** Joins the run of that key or starts it. An abort makes this call reject; the run goes on for the others. */
  async run(
    key: string,
    start: (signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    signal?.throwIfAborted();
    const running = this.#running.get(key) ?? this.#start(key, start);
    running.waiting++;
    try {
      return await untilAborted(running.result, signal);
    } finally {
      if (--running.waiting === 0) {
        // A later call must not join a run that is being given up.
        if (this.#running.get(key) === running) this.#running.delete(key);
        running.controller.abort(signal?.reason);
      }
    }
  }

  #start(key: string, start: (signal: AbortSignal) => Promise<T>): Running<T> {
    const controller = new AbortController();
    const result = start(controller.signal);
    // Whoever waits sees a failure; when nobody does any more, it concerns nobody.
    result.catch(() => undefined);
    const running = { result, controller, waiting: 0 };
    this.#running.set(key, running);
    return running;
  }
}

/** The result, or the signal's reason where that comes first. */
function untilAborted<T>(result: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return result;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    result
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort));
  });
}
