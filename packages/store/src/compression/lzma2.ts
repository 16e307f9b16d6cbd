/** LZMA2: LZMA in chunks of at most 64 KiB, each of which may start anew. */
import type { ByteWindow } from './byte-window.ts';
import { corrupt, cutOff } from './corrupt.ts';
import { LzmaDictionary } from './lzma-dictionary.ts';
import { LzmaDecoder, readProperties } from './lzma.ts';
import { RangeDecoder } from './range-decoder.ts';

const END = 0;
const PLAIN_WITH_RESET = 1;
const PLAIN = 2;
const LZMA = 0x80;

/**
 * Undoes LZMA2 up to its end marker, in pieces; returns how many bytes of the window it took.
 *
 * @throws StoreError `store/corrupt-compression`
 */
export async function* decodeLzma2(
  window: ByteWindow,
  windowSize: number,
): AsyncGenerator<Uint8Array, number, undefined> {
  const dictionary = new LzmaDictionary(windowSize);
  const coder = new RangeDecoder(window);
  let decoder: LzmaDecoder | undefined;
  let isFirst = true;
  let taken = 0;
  const take = async (count: number): Promise<Buffer> => {
    if (!(await window.fill(count))) throw cutOff();
    taken += count;
    return Buffer.from(window.take(count));
  };
  for (;;) {
    const control = (await take(1))[0]!;
    if (control === END) return taken;
    const resetsDictionary = control === PLAIN_WITH_RESET || control >= 0xe0;
    if (isFirst && !resetsDictionary) throw corrupt('a block has no start');
    isFirst = false;
    if (resetsDictionary) dictionary.reset();

    if (control === PLAIN_WITH_RESET || control === PLAIN) {
      const length = (await take(2)).readUInt16BE(0) + 1;
      dictionary.putAll(await take(length));
      yield* dictionary.take();
      continue;
    }
    if (control < LZMA) throw corrupt('unknown kind of chunk');
    const sizes = await take(4);
    const size = ((control & 0x1f) << 16) + sizes.readUInt16BE(0) + 1;
    const packedSize = sizes.readUInt16BE(2) + 1;
    if (control >= 0xc0) {
      const properties = readProperties((await take(1))[0]!);
      if (properties.literalContextBits + properties.literalPositionBits > 4)
        throw corrupt('impossible properties');
      if (decoder === undefined)
        decoder = new LzmaDecoder(dictionary, coder, properties);
      else decoder.reset(properties);
    } else if (control >= 0xa0) {
      decoder?.reset();
    }
    if (decoder === undefined) throw corrupt('a chunk has no properties');
    if (packedSize < RangeDecoder.START_BYTES)
      throw corrupt('a chunk has no start');
    if (!(await window.fill(packedSize))) throw cutOff();
    taken += packedSize;
    const packedEnd = window.at + packedSize;
    const end = dictionary.total + size;
    coder.start();
    while (dictionary.total < end) {
      if (decoder.step()) throw corrupt('a chunk ends before its end');
      if (dictionary.isFull) yield* dictionary.take();
    }
    if (dictionary.total !== end || window.at !== packedEnd || !coder.isDone)
      throw corrupt('a chunk is damaged');
    yield* dictionary.take();
  }
}
