/** The contents of a bzip2 block, in pieces, from its symbols after the Burrows-Wheeler transform. */
const PIECE_BYTES = 64 * 1024;
const MAX_RUN = 255;

const CRC_TABLE: Uint32Array = /* @__PURE__ */ Uint32Array.from(
  { length: 256 },
  (_, byte) => {
    let crc = byte << 24;
    for (let bit = 0; bit < 8; bit++)
      crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
    return crc >>> 0;
  },
);

/** Walks the transform's cycle and repeats what the run-length code says: a length follows four equal bytes. */
export class BwtReader {
  readonly #block: Uint32Array;
  #left: number;
  #position: number;
  #previous = -1;
  #equal = 0;
  /** Bytes of a run that the last piece had no room for. */
  #repeats = 0;
  #crc = 0xffffffff;

  /** The symbols are the low bytes of `block`; the rest of it is used to chain them. */
  constructor(block: Uint32Array, length: number, origin: number) {
    const starts = new Uint32Array(256);
    for (let i = 0; i < length; i++) starts[block[i]!]!++;
    for (let byte = 0, sum = 0; byte < 256; byte++) {
      const count = starts[byte]!;
      starts[byte] = sum;
      sum += count;
    }
    for (let i = 0; i < length; i++) {
      const byte = block[i]! & 0xff;
      const at = starts[byte]!++;
      block[at] = (block[at]! & 0xff) | (i << 8);
    }
    this.#block = block;
    this.#left = length;
    this.#position = block[origin]! >>> 8;
  }

  /** The CRC-32 of all that was read, as bzip2 has it. */
  get checksum(): number {
    return ~this.#crc >>> 0;
  }

  /** The next piece, at most 64 KiB; `undefined` at the end. */
  next(): Uint8Array | undefined {
    const block = this.#block;
    const piece = new Uint8Array(PIECE_BYTES);
    let crc = this.#crc;
    let to = 0;
    while (to < PIECE_BYTES) {
      if (this.#repeats > 0) {
        const count = Math.min(this.#repeats, PIECE_BYTES - to);
        this.#repeats -= count;
        for (let i = 0; i < count; i++) {
          piece[to++] = this.#previous;
          crc = (crc << 8) ^ CRC_TABLE[(crc >>> 24) ^ this.#previous]!;
        }
        continue;
      }
      if (this.#left === 0) break;
      const entry = block[this.#position]!;
      this.#left--;
      this.#position = entry >>> 8;
      const byte = entry & 0xff;
      if (this.#equal === 4) {
        this.#equal = 0;
        this.#repeats = Math.min(byte, MAX_RUN);
        continue;
      }
      this.#equal = byte === this.#previous ? this.#equal + 1 : 1;
      this.#previous = byte;
      piece[to++] = byte;
      crc = (crc << 8) ^ CRC_TABLE[(crc >>> 24) ^ byte]!;
    }
    this.#crc = crc;
    return to === 0 ? undefined : piece.subarray(0, to);
  }
}
