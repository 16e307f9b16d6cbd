/** Bzip2: blocks of up to 900,000 bytes, each sorted by Burrows and Wheeler, moved to front, and coded by Huffman. */
import { ByteWindow } from './byte-window.ts';
import { BitReader } from './bit-reader.ts';
import { BwtReader } from './bwt-reader.ts';
import { corrupt, cutOff } from './corrupt.ts';
import { readHuffmanTables } from './bzip2-huffman.ts';
import type { HuffmanTable } from './bzip2-huffman.ts';

const BLOCK_HIGH = 0x314159;
const BLOCK_LOW = 0x265359;
const END_HIGH = 0x177245;
const END_LOW = 0x385090;
/** No block takes more: 900,000 symbols and an end of at most 20 bits each, and its tables. */
const MAX_BLOCK_BYTES = 2_400_000;
const GROUP = 50;

/**
 * Undoes bzip2, stream after stream, checksums of blocks included.
 *
 * @throws StoreError `store/corrupt-compression`
 */
export async function* unbzip2(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const window = new ByteWindow(source);
  try {
    if (!(await window.fill(1))) throw cutOff();
    while (await window.fill(1)) yield* decodeStream(window);
  } finally {
    await window.close();
  }
}

async function* decodeStream(
  window: ByteWindow,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (!(await window.fill(4))) throw cutOff();
  const [b, z, h, level] = window.take(4);
  if (b !== 0x42 || z !== 0x5a || h !== 0x68 || level! < 0x31 || level! > 0x39)
    throw corrupt('it is no bzip2 stream');
  const blockSize = (level! - 0x30) * 100_000;
  const bits = new BitReader(window);
  const block = new Uint32Array(blockSize);
  for (;;) {
    // A whole block at a time, so that nothing waits in the middle of one.
    await window.fill(MAX_BLOCK_BYTES);
    const high = bits.read(24);
    const low = bits.read(24);
    const checksum = ((bits.read(16) << 16) | bits.read(16)) >>> 0;
    if (high === END_HIGH && low === END_LOW) break;
    if (high !== BLOCK_HIGH || low !== BLOCK_LOW)
      throw corrupt('a block has no start');
    if (bits.read(1) === 1) throw corrupt('a block is randomised');
    const origin = bits.read(24);
    const length = readSymbols(bits, block);
    if (origin >= length) throw corrupt('a block starts outside itself');
    const reader = new BwtReader(block, length, origin);
    for (let piece = reader.next(); piece !== undefined; piece = reader.next())
      yield piece;
    if (reader.checksum !== checksum) throw corrupt('a block is damaged');
  }
  bits.alignToByte();
}

/** Reads a block's symbols into the low bytes of `block`; answers how many. */
function readSymbols(bits: BitReader, block: Uint32Array): number {
  const used: number[] = [];
  const ranges = bits.read(16);
  for (let i = 0; i < 16; i++) {
    if ((ranges & (0x8000 >> i)) === 0) continue;
    const range = bits.read(16);
    for (let j = 0; j < 16; j++)
      if ((range & (0x8000 >> j)) !== 0) used.push(i * 16 + j);
  }
  if (used.length === 0) throw corrupt('a block uses no symbols');
  const endOfBlock = used.length + 1;
  const { tables, selectors } = readHuffmanTables(bits, used.length + 2);

  const front = Uint8Array.from(used);
  let length = 0;
  let run = 0;
  let runUnit = 1;
  let left = 0;
  let group = 0;
  let table: HuffmanTable | undefined;
  for (;;) {
    if (left === 0) {
      table = tables[selectors[group++] ?? -1];
      if (table === undefined) throw corrupt('a block has too few selectors');
      left = GROUP;
    }
    left--;
    const symbol = table!.decode(bits);
    if (symbol <= 1) {
      run += runUnit << symbol;
      runUnit *= 2;
      if (run > block.length) throw corrupt('a block is too long');
      continue;
    }
    if (run > 0) {
      if (length + run > block.length) throw corrupt('a block is too long');
      block.fill(front[0]!, length, length + run);
      length += run;
      run = 0;
      runUnit = 1;
    }
    if (symbol === endOfBlock) return length;
    if (length >= block.length) throw corrupt('a block is too long');
    const index = symbol - 1;
    const byte = front[index]!;
    front.copyWithin(1, 0, index);
    front[0] = byte;
    block[length++] = byte;
  }
}
