const INITIAL_BYTES = 64 * 1024;

/** The next bytes of a stream, side by side: decoders look at `bytes` from `at` to `end` and move `at` on. */
export class ByteWindow {
  bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  at = 0;
  end = 0;
  /** Whether the stream has no more than what is in the window. */
  isAtEnd = false;
  readonly #source: AsyncIterator<Uint8Array>;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** How many bytes are in the window. */
  get length(): number {
    return this.end - this.at;
  }

  /** Reads on until `count` bytes are in the window or the stream ends; answers whether they are. */
  async fill(count: number): Promise<boolean> {
    while (this.length < count && !this.isAtEnd) {
      const { done, value } = await this.#source.next();
      if (done === true) this.isAtEnd = true;
      else this.#append(value);
    }
    return this.length >= count;
  }

  /** The next `count` bytes, which are in the window; a view that holds until the window is filled again. */
  take(count: number): Uint8Array {
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  /** Lets go of the stream. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  #append(piece: Uint8Array): void {
    if (this.end + piece.length > this.bytes.length) {
      const kept = this.bytes.subarray(this.at, this.end);
      const needed = kept.length + piece.length;
      // Twice what is needed: the bytes are moved together seldom.
      const target =
        needed * 2 <= this.bytes.length
          ? this.bytes
          : new Uint8Array(Math.max(needed * 2, INITIAL_BYTES));
      target.set(kept);
      this.bytes = target;
      this.at = 0;
      this.end = kept.length;
    }
    this.bytes.set(piece, this.end);
    this.end += piece.length;
  }
}
