/** The start of a header that the end of a chunk cut off, kept until the rest arrives. */
export class Carry {
  #bytes = new Uint8Array(64);
  #length = 0;

  /** How many bytes are kept. */
  get length(): number {
    return this.#length;
  }

  /** The memory of the kept bytes; what lies beyond {@link length} has no meaning. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Keeps bytes of `chunk` from `at` on until `need` are there, and returns how many it took. */
  fill(chunk: Uint8Array, at: number, need: number): number {
    if (this.#bytes.length < need) {
      const larger = new Uint8Array(need);
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    const taken = Math.min(need - this.#length, chunk.length - at);
    this.#bytes.set(chunk.subarray(at, at + taken), this.#length);
    this.#length += taken;
    return taken;
  }

  /** Forgets what was kept; {@link bytes} stay readable until the next fill. */
  clear(): void {
    this.#length = 0;
  }
}
