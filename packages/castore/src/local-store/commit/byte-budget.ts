interface Waiter {
  readonly bytes: number;
  readonly admit: () => void;
}

/**
 * Bounds the bytes that are on their way at once: whoever would exceed it waits, first come, first served. A single
 * demand above the whole budget is let in alone.
 */
export class ByteBudget {
  readonly #limit: number;
  #used = 0;
  #waiters: Waiter[] = [];

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  /** Resolves when the bytes fit; give them back with {@link ByteBudget.release}. */
  take(bytes: number): Promise<void> | undefined {
    if (this.#waiters.length === 0 && this.#fits(bytes)) {
      this.#used += bytes;
      return undefined;
    }
    return new Promise((admit) => this.#waiters.push({ bytes, admit }));
  }

  release(bytes: number): void {
    this.#used -= bytes;
    while (this.#waiters.length > 0 && this.#fits(this.#waiters[0]!.bytes)) {
      const { bytes: taken, admit } = this.#waiters.shift()!;
      this.#used += taken;
      admit();
    }
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.#limit;
  }
}
