/** Lets calls with the same key run one after the other, in the order that they came. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `act` once all earlier calls with that key have ended, well or not. */
  async take<T>(key: string, act: () => Promise<T>): Promise<T> {
    const turn = (this.#last.get(key) ?? Promise.resolve()).then(act, act);
    this.#last.set(key, turn);
    try {
      return await turn;
    } finally {
      if (this.#last.get(key) === turn) this.#last.delete(key);
    }
  }
}
