/** Where something stands. */
export interface Place {
  readonly at: number;
  readonly length: number;
}

/** Says where things stand in a store of fixed length that is used as a ring: the newest overwrite the oldest. */
export class Ring {
  readonly #limitBytes: number;
  /** In the order in which they stand in the ring, the oldest first. */
  readonly #places = new Map<string, Place>();
  #head = 0;
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** How many bytes stand in it. */
  get bytes(): number {
    return this.#bytes;
  }

  /** `undefined` for what was overwritten or never there. */
  get(key: string): Place | undefined {
    return this.#places.get(key);
  }

  /** Makes room, and says where; `undefined` where there can't be. What stands there is forgotten. */
  room(length: number): number | undefined {
    if (length > this.#limitBytes) return undefined;
    if (this.#head + length > this.#limitBytes) {
      // What stands behind the head is the oldest, and too short a place.
      this.#clear(this.#head, this.#limitBytes);
      this.#head = 0;
    }
    this.#clear(this.#head, this.#head + length);
    return this.#head;
  }

  /** Notes what was put into the room that was made last. */
  add(key: string, length: number): void {
    this.#places.set(key, { at: this.#head, length });
    this.#head += length;
    this.#bytes += length;
  }

  forget(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#places.delete(key);
    this.#bytes -= place.length;
  }

  clear(): void {
    this.#places.clear();
    this.#bytes = 0;
  }

  /** Forgets the oldest as long as they stand in that part. */
  #clear(start: number, end: number): void {
    for (const [key, { at, length }] of this.#places) {
      if (at >= end || at + length <= start) return;
      this.forget(key);
    }
  }
}
