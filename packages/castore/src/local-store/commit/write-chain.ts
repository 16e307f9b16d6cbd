/** A place in the order, and what is done there once that is known. */
interface Place {
  act: (() => void) | undefined;
}

/**
 * Writes that take effect in their order: what a crash or a full disk leaves of them is a beginning of the list. What
 * refers to something may be submitted behind it at once, where it would have to wait until that is durable otherwise.
 */
export class WriteChain {
  readonly #places: Place[] = [];
  readonly #underWay = new Set<Promise<unknown>>();
  #refusal: { readonly error: unknown } | undefined;

  /** Why nothing more of the chain is written; `undefined` while all is well. */
  get refusal(): { readonly error: unknown } | undefined {
    return this.#refusal;
  }

  /** Something of the chain couldn't be written: nothing behind it is. The first reason stays. */
  refuse(error: unknown): void {
    this.#refusal ??= { error };
  }

  /**
   * Takes the next place: calls `act` with what is ready when all before had their turn, in the very turn in which the
   * last of both comes. What fails to be ready is refused, and all behind it.
   */
  inTurn<T, R>(
    ready: T | Promise<T>,
    act: (value: T) => Promise<R>,
  ): Promise<R> {
    const place: Place = { act: undefined };
    this.#places.push(place);
    return new Promise((resolve, reject) => {
      const fill = (value: T): void =>
        this.#fill(place, () => void act(value).then(resolve, reject));
      if (!(ready instanceof Promise)) return fill(ready);
      ready.then(fill, (error: unknown) => {
        this.refuse(error);
        this.#fill(place, () => {});
        reject(error as Error);
      });
    });
  }

  /** Nothing behind this is written before others have made durable what it rests on. */
  restOn(others: readonly Promise<unknown>[]): void {
    if (others.length === 0) return;
    // What can't be rested on refuses the chain.
    this.inTurn(Promise.all(others), async () => {}).catch(() => {});
  }

  /** Something of the chain is durable once a promise resolves. */
  track(durable: Promise<unknown>): void {
    const tracked = durable.then(
      () => {},
      (error: unknown) => this.refuse(error),
    );
    this.#underWay.add(tracked);
    void tracked.then(() => this.#underWay.delete(tracked));
  }

  /** Resolves once all that was submitted is durable; throws why it couldn't be written. */
  async durable(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
    if (this.#refusal !== undefined) throw this.#refusal.error;
  }

  #fill(place: Place, act: () => void): void {
    place.act = act;
    while (this.#places[0]?.act !== undefined) this.#places.shift()!.act!();
  }
}
