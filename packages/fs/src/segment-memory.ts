import { Ring } from './ring.ts';

/**
 * Contents of segments in one piece of memory that stays: of buffers that come and go the collector hears late, and holds
 * hundreds of MiB meanwhile.
 */
export class SegmentMemory {
  readonly #ring: Ring;
  readonly #limitBytes: number;
  #memory: Uint8Array | undefined;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
    this.#ring = new Ring(limitBytes);
  }

  /** How many bytes of contents are kept. */
  get bytes(): number {
    return this.#ring.bytes;
  }

  has(key: string): boolean {
    return this.#ring.get(key) !== undefined;
  }

  /** A view, valid until the next `set`; `undefined` where it isn't kept. */
  get(key: string): Uint8Array | undefined {
    const place = this.#ring.get(key);
    return place && this.#memory!.subarray(place.at, place.at + place.length);
  }

  /** Keeps a copy, unless it is longer than all there is. */
  set(key: string, bytes: Uint8Array): void {
    if (this.has(key)) return;
    const at = this.#ring.room(bytes.length);
    if (at === undefined) return;
    this.#memory ??= new Uint8Array(this.#limitBytes);
    this.#memory.set(bytes, at);
    this.#ring.add(key, bytes.length);
  }
}
