import type { BitReader } from './bit-reader.ts';
import { corrupt } from './corrupt.ts';

const MAX_LENGTH = 20;
/** Codes up to this length are looked up in one step. */
const FAST_BITS = 10;

/** One of the two to six code tables of a bzip2 block. */
export class HuffmanTable {
  /** Symbol and length of the code that each beginning leads to: symbol * 32 + length; 0 where the code is longer. */
  readonly #fast = new Uint16Array(1 << FAST_BITS);
  /** For each length, the first code after those of it, and what to add to a code of it to find its symbol. */
  readonly #limits = new Int32Array(MAX_LENGTH + 2);
  readonly #offsets = new Int32Array(MAX_LENGTH + 2);
  readonly #symbols: Uint16Array;

  constructor(lengths: Uint8Array) {
    this.#symbols = new Uint16Array(lengths.length);
    let code = 0;
    let index = 0;
    for (let length = 1; length <= MAX_LENGTH; length++) {
      this.#offsets[length] = index - code;
      for (const [symbol, itsLength] of lengths.entries()) {
        if (itsLength !== length) continue;
        this.#symbols[index++] = symbol;
        if (length <= FAST_BITS) {
          const shift = FAST_BITS - length;
          const start = code << shift;
          this.#fast.fill(symbol * 32 + length, start, start + (1 << shift));
        }
        code++;
      }
      this.#limits[length] = code;
      code <<= 1;
    }
    if (code > 2 ** (MAX_LENGTH + 1)) throw corrupt('a code table is too full');
  }

  decode(bits: BitReader): number {
    const entry = this.#fast[bits.peek(FAST_BITS)]!;
    if (entry !== 0) {
      bits.skip(entry & 31);
      return entry >> 5;
    }
    let code = bits.read(FAST_BITS);
    for (let length = FAST_BITS + 1; length <= MAX_LENGTH; length++) {
      code = (code << 1) | bits.read(1);
      if (code < this.#limits[length]!)
        return this.#symbols[code + this.#offsets[length]!]!;
    }
    throw corrupt('a code stands for nothing');
  }
}

/** The tables of a block for so many symbols, and which of them each group of 50 symbols uses. */
export function readHuffmanTables(
  bits: BitReader,
  symbolCount: number,
): { tables: readonly HuffmanTable[]; selectors: Uint8Array } {
  const tableCount = bits.read(3);
  const selectorCount = bits.read(15);
  if (tableCount < 2 || tableCount > 6 || selectorCount === 0)
    throw corrupt('a block has a wrong number of code tables');
  const front = [0, 1, 2, 3, 4, 5].slice(0, tableCount);
  const selectors = new Uint8Array(selectorCount);
  for (let i = 0; i < selectorCount; i++) {
    let index = 0;
    while (bits.read(1) === 1)
      if (++index >= tableCount) throw corrupt('a selector names no table');
    const [selected] = front.splice(index, 1);
    front.unshift(selected!);
    selectors[i] = selected!;
  }
  const tables = front.map(
    () => new HuffmanTable(readLengths(bits, symbolCount)),
  );
  return { tables, selectors };
}

function readLengths(bits: BitReader, symbolCount: number): Uint8Array {
  const lengths = new Uint8Array(symbolCount);
  let length = bits.read(5);
  for (let i = 0; i < symbolCount; i++) {
    for (;;) {
      if (length < 1 || length > MAX_LENGTH)
        throw corrupt('a code has an impossible length');
      if (bits.read(1) === 0) break;
      length += bits.read(1) === 0 ? 1 : -1;
    }
    lengths[i] = length;
  }
  return lengths;
}
