/** Lzip (RFC-style description in its manual): members of a header, an LZMA stream with an end marker, and a trailer. */
import { crc32 } from 'node:zlib';
import { ByteWindow } from './byte-window.ts';
import { corrupt, cutOff, windowTooLarge } from './corrupt.ts';
import { LzmaDictionary } from './lzma-dictionary.ts';
import { LzmaDecoder, MAX_SYMBOL_BYTES } from './lzma.ts';
import { RangeDecoder } from './range-decoder.ts';

const MAX_WINDOW_BYTES = 128 * 1024 * 1024;
const HEADER_BYTES = 6;
const TRAILER_BYTES = 20;
const PROPERTIES = {
  literalContextBits: 3,
  literalPositionBits: 0,
  positionBits: 2,
};
/** So many symbols are decoded before the window is filled again. */
const SYMBOLS = 2048;

/**
 * Undoes lzip, member after member, checksums and lengths included.
 *
 * @throws StoreError `store/corrupt-compression`, `store/limit-exceeded` for a window over 128 MiB
 */
export async function* unlzip(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const window = new ByteWindow(source);
  try {
    if (!(await window.fill(1))) throw cutOff();
    while (await window.fill(1)) yield* decodeMember(window);
  } finally {
    await window.close();
  }
}

async function* decodeMember(
  window: ByteWindow,
): AsyncGenerator<Uint8Array, void, undefined> {
  const dictionary = new LzmaDictionary(await readHeader(window));
  const coder = new RangeDecoder(window);
  if (!(await window.fill(RangeDecoder.START_BYTES))) throw cutOff();
  coder.start();
  const decoder = new LzmaDecoder(dictionary, coder, PROPERTIES);
  let checksum = 0;
  for (let isEnd = false; !isEnd;) {
    await window.fill(SYMBOLS * MAX_SYMBOL_BYTES);
    for (let i = 0; i < SYMBOLS && !isEnd && !dictionary.isFull; i++)
      isEnd = decoder.step();
    if (window.at > window.end) throw cutOff();
    for (const piece of dictionary.take()) {
      checksum = crc32(piece, checksum);
      yield piece;
    }
  }
  if (!(await window.fill(TRAILER_BYTES))) throw cutOff();
  const trailer = Buffer.from(window.take(TRAILER_BYTES));
  if (
    trailer.readUInt32LE(0) !== checksum ||
    trailer.readBigUInt64LE(4) !== BigInt(dictionary.total)
  )
    throw corrupt('a member is damaged');
}

async function readHeader(window: ByteWindow): Promise<number> {
  if (!(await window.fill(HEADER_BYTES))) throw cutOff();
  const header = Buffer.from(window.take(HEADER_BYTES));
  if (header.toString('latin1', 0, 4) !== 'LZIP' || header[4] !== 1)
    throw corrupt('it is no lzip member');
  const coded = header[5]!;
  const base = 2 ** (coded & 31);
  const size = base - (base / 16) * (coded >> 5);
  if (size < 4096 || (coded & 31) > 29) throw corrupt('an impossible window');
  if (size > MAX_WINDOW_BYTES) throw windowTooLarge(size, MAX_WINDOW_BYTES);
  return size;
}
