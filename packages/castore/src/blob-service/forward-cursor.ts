/** A place in a stream of bytes that only goes forward. One read at a time. */
export class ForwardCursor {
  readonly #controller = new AbortController();
  readonly #source: AsyncGenerator<Uint8Array, void>;
  #rest: Uint8Array = new Uint8Array(0);
  #position = 0;
  #isSpent = false;

  /** @param open starts the stream, which ends when the signal does */
  constructor(open: (signal: AbortSignal) => AsyncGenerator<Uint8Array, void>) {
    this.#source = open(this.#controller.signal);
  }

  /** How many bytes of the stream are behind. */
  get position(): number {
    return this.#position;
  }

  /** Whether the stream ended, failed or was closed. */
  get isSpent(): boolean {
    return this.#isSpent;
  }

  /** The bytes from `start`, which must not be behind, up to `end` or the end of the stream. An abort spends the cursor. */
  async *read(
    start: number,
    end: number,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void> {
    const abort = (): void => this.#controller.abort(signal.reason);
    signal.addEventListener('abort', abort);
    try {
      while (this.#position < end) {
        signal.throwIfAborted();
        if (this.#rest.length === 0 && !(await this.#fill())) return;
        const skipped = Math.min(
          this.#rest.length,
          Math.max(0, start - this.#position),
        );
        const taken = Math.min(this.#rest.length, end - this.#position);
        const piece = this.#rest.subarray(skipped, taken);
        this.#rest = this.#rest.subarray(taken);
        this.#position += taken;
        if (piece.length > 0) yield piece;
      }
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Ends the stream. Not while a read is under way, which an abort ends. */
  async close(): Promise<void> {
    this.#isSpent = true;
    await this.#source.return();
  }

  async #fill(): Promise<boolean> {
    // Stays spent where the stream ends or fails.
    this.#isSpent = true;
    const next = await this.#source.next();
    if (next.done === true) return false;
    this.#isSpent = false;
    this.#rest = next.value;
    return true;
  }
}
