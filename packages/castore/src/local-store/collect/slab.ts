/** Keeps the payloads of one batch of records that are copied from pack to pack. */
export class Slab {
  readonly #bytes: Buffer;
  #filled = 0;

  constructor(bytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(bytes);
  }

  hasRoom(bytes: number): boolean {
    return this.#filled + bytes <= this.#bytes.length;
  }

  /** A copy of a payload, valid until the slab is cleared; by itself where there is no room for it. */
  keep(payload: Uint8Array): Uint8Array {
    if (!this.hasRoom(payload.length)) return new Uint8Array(payload);
    const end = this.#filled + payload.length;
    const kept = this.#bytes.subarray(this.#filled, end);
    kept.set(payload);
    this.#filled = end;
    return kept;
  }

  clear(): void {
    this.#filled = 0;
  }
}
