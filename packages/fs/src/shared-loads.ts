interface Load<V> {
  readonly promise: Promise<V>;
  readonly controller: AbortController;
  waiters: number;
}

/** Lets those who want the same thing at the same time wait for one load, which ends early when all have left. */
export class SharedLoads<V> {
  readonly #loads = new Map<string, Load<V>>();

  /** How many loads are under way. */
  get size(): number {
    return this.#loads.size;
  }

  /**
   * Waits for the load of that key, starting it if there is none.
   *
   * @throws the signal's reason when it fires first; whatever the load fails with
   */
  join(
    key: string,
    start: (signal: AbortSignal) => Promise<V>,
    signal?: AbortSignal,
  ): Promise<V> {
    const load = this.#loads.get(key) ?? this.#start(key, start);
    load.waiters++;
    if (signal === undefined) return load.promise;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        reject(signal.reason);
        if (--load.waiters > 0) return;
        // Whoever comes after this must not wait for a load that is being given up.
        this.#forget(key, load);
        load.controller.abort(signal.reason);
      };
      if (signal.aborted) return leave();
      signal.addEventListener('abort', leave, { once: true });
      const settled = (): void => signal.removeEventListener('abort', leave);
      load.promise.then(
        (value) => (settled(), resolve(value)),
        (error: unknown) => (settled(), reject(error)),
      );
    });
  }

  #start(key: string, start: (signal: AbortSignal) => Promise<V>): Load<V> {
    const controller = new AbortController();
    const load: Load<V> = {
      controller,
      waiters: 0,
      promise: start(controller.signal).finally(() => this.#forget(key, load)),
    };
    // Everybody may have left by the time that it fails.
    load.promise.catch(() => undefined);
    this.#loads.set(key, load);
    return load;
  }

  #forget(key: string, load: Load<V>): void {
    if (this.#loads.get(key) === load) this.#loads.delete(key);
  }
}
