import { corrupt } from './corrupt.ts';

const PIECE_BYTES = 64 * 1024;
/** Longest match of LZMA, with room to spare. */
const SLACK_BYTES = 4096;

/** What was decoded last, in a ring: matches copy from it, and it is handed out in pieces. */
export class LzmaDictionary {
  readonly #ring: Uint8Array;
  readonly #size: number;
  #at = 0;
  #taken = 0;
  /** Bytes since the last reset. */
  total = 0;

  /** A ring in which distances up to `size` are found. */
  constructor(size: number) {
    this.#size = size;
    this.#ring = new Uint8Array(size + 2 * PIECE_BYTES + SLACK_BYTES);
  }

  /** Whether a piece waits to be taken: it has to be before more is put. */
  get isFull(): boolean {
    return this.#pending >= PIECE_BYTES;
  }

  /** Forgets what was before. */
  reset(): void {
    this.total = 0;
  }

  put(byte: number): void {
    this.#ring[this.#at++] = byte;
    if (this.#at === this.#ring.length) this.#at = 0;
    this.total++;
  }

  /** The byte that lies `distance` + 1 back; 0 where there is none yet. */
  byteAt(distance: number): number {
    if (distance >= this.total) return 0;
    const at = this.#at - distance - 1;
    return this.#ring[at < 0 ? at + this.#ring.length : at]!;
  }

  /** @throws StoreError `store/corrupt-compression` where the match reaches beyond what there is */
  copy(distance: number, length: number): void {
    if (distance >= this.total || distance >= this.#size)
      throw corrupt('a match reaches out of its window');
    const ring = this.#ring;
    let from = this.#at - distance - 1;
    if (from < 0) from += ring.length;
    let at = this.#at;
    if (from + length <= ring.length && at + length < ring.length) {
      if (distance >= length) {
        ring.copyWithin(at, from, from + length);
        at += length;
      } else {
        for (let i = 0; i < length; i++) ring[at++] = ring[from++]!;
      }
    } else {
      for (let i = 0; i < length; i++) {
        ring[at] = ring[from]!;
        if (++at === ring.length) at = 0;
        if (++from === ring.length) from = 0;
      }
    }
    this.#at = at;
    this.total += length;
  }

  /** Puts bytes as they are, at most 64 KiB. */
  putAll(bytes: Uint8Array): void {
    for (const byte of bytes) this.put(byte);
  }

  /** What was put since the last call, in one piece or two. */
  *take(): Generator<Uint8Array, void, undefined> {
    if (this.#at < this.#taken) {
      yield this.#ring.slice(this.#taken);
      this.#taken = 0;
    }
    if (this.#at > this.#taken) yield this.#ring.slice(this.#taken, this.#at);
    this.#taken = this.#at;
  }

  get #pending(): number {
    const pending = this.#at - this.#taken;
    return pending < 0 ? pending + this.#ring.length : pending;
  }
}
