/** LZ4 frames (lz4_Frame_format 1.6.4). A block is at most 4 MiB, and reaches 64 KiB back. */
import { ByteWindow } from './byte-window.ts';
import { corrupt, cutOff } from './corrupt.ts';
import { XxHash32 } from './xxhash32.ts';

const MAGIC = 0x184d2204;
const SKIPPABLE_MAGIC = 0x184d2a5;
const WINDOW_BYTES = 64 * 1024;
const BLOCK_BYTES: Readonly<Record<number, number>> = {
  4: 64 * 1024,
  5: 256 * 1024,
  6: 1024 * 1024,
  7: 4 * 1024 * 1024,
};

/**
 * Undoes LZ4, frame after frame. The checksums and lengths that frames tell are checked.
 *
 * @throws StoreError `store/corrupt-compression`
 */
export async function* unlz4(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const window = new ByteWindow(source);
  try {
    if (!(await window.fill(1))) throw cutOff();
    while (await window.fill(1)) {
      const magic = await readUint32(window);
      if (magic >>> 4 === SKIPPABLE_MAGIC) await skipFrame(window);
      else if (magic === MAGIC) yield* decodeFrame(window);
      else throw corrupt('it is no LZ4 frame');
    }
  } finally {
    await window.close();
  }
}

async function* decodeFrame(
  window: ByteWindow,
): AsyncGenerator<Uint8Array, void, undefined> {
  const {
    maxBlock,
    isLinked,
    hasBlockChecksum,
    hasChecksum,
    size: told,
  } = await readHeader(window);
  const checksum = hasChecksum ? new XxHash32() : undefined;
  let total = 0n;
  // What was decoded last comes before what is decoded next, since matches reach back into it.
  const out = new Uint8Array(WINDOW_BYTES + maxBlock);
  let history = 0;
  for (;;) {
    const size = await readUint32(window);
    if (size === 0) break;
    const isPlain = size >>> 31 === 1;
    const length = size & 0x7fffffff;
    if (length > maxBlock) throw corrupt('a block is longer than it may be');
    if (!(await window.fill(length + (hasBlockChecksum ? 4 : 0))))
      throw cutOff();
    const block = window.take(length);
    if (hasBlockChecksum && checksumOf(block) !== (await readUint32(window)))
      throw corrupt('a block is damaged');
    let end = history + length;
    if (isPlain) out.set(block, history);
    else end = decodeBlock(block, out, history, history + maxBlock);
    const piece = out.slice(history, end);
    checksum?.update(piece);
    total += BigInt(piece.length);
    yield piece;
    history = 0;
    if (isLinked) {
      const start = Math.max(0, end - WINDOW_BYTES);
      out.copyWithin(0, start, end);
      history = end - start;
    }
  }
  if (told !== undefined && told !== total)
    throw corrupt('a frame has another length than its header says');
  if (checksum && (await readUint32(window)) !== checksum.digest())
    throw corrupt('a frame is damaged');
}

async function readHeader(window: ByteWindow): Promise<{
  maxBlock: number;
  isLinked: boolean;
  hasBlockChecksum: boolean;
  hasChecksum: boolean;
  /** Bytes of the content, where it is told. */
  size: bigint | undefined;
}> {
  if (!(await window.fill(2))) throw cutOff();
  const [flags, block] = window.bytes.subarray(window.at, window.at + 2);
  const maxBlock = BLOCK_BYTES[(block! >> 4) & 7];
  if (flags! >> 6 !== 1 || maxBlock === undefined)
    throw corrupt('unknown version of LZ4 or length of blocks');
  if ((flags! & 1) !== 0) throw corrupt('it needs a dictionary');
  const hasSize = (flags! & 8) !== 0;
  const length = hasSize ? 10 : 2;
  if (!(await window.fill(length + 1))) throw cutOff();
  const descriptor = Buffer.from(window.take(length));
  if (((checksumOf(descriptor) >>> 8) & 0xff) !== window.take(1)[0])
    throw corrupt('a header is damaged');
  return {
    maxBlock,
    isLinked: (flags! & 0x20) === 0,
    hasBlockChecksum: (flags! & 0x10) !== 0,
    hasChecksum: (flags! & 4) !== 0,
    size: hasSize ? descriptor.readBigUInt64LE(2) : undefined,
  };
}

function checksumOf(bytes: Uint8Array): number {
  const checksum = new XxHash32();
  checksum.update(bytes);
  return checksum.digest();
}

/** Decodes a block behind the history in `out`; answers where it ends. */
function decodeBlock(
  block: Uint8Array,
  out: Uint8Array,
  start: number,
  limit: number,
): number {
  let at = 0;
  let to = start;
  const readLength = (length: number): number => {
    if (length < 15) return length;
    for (let byte = 255; byte === 255; length += byte) {
      if (at >= block.length) throw corrupt('a block ends too early');
      byte = block[at++]!;
    }
    return length;
  };
  while (at < block.length) {
    const token = block[at++]!;
    const literals = readLength(token >> 4);
    if (at + literals > block.length || to + literals > limit)
      throw corrupt('a block holds more than it may');
    out.set(block.subarray(at, at + literals), to);
    at += literals;
    to += literals;
    if (at === block.length) break;
    if (at + 2 > block.length) throw corrupt('a block ends too early');
    const offset = block[at]! | (block[at + 1]! << 8);
    at += 2;
    const length = readLength(token & 15) + 4;
    if (offset === 0 || offset > to || to + length > limit)
      throw corrupt('a match reaches out of its window');
    if (offset >= length) {
      out.copyWithin(to, to - offset, to - offset + length);
      to += length;
    } else {
      for (let i = 0; i < length; i++, to++) out[to] = out[to - offset]!;
    }
  }
  return to;
}

async function skipFrame(window: ByteWindow): Promise<void> {
  let left = await readUint32(window);
  while (left > 0) {
    if (!(await window.fill(1))) throw cutOff();
    left -= window.take(Math.min(left, window.length)).length;
  }
}

async function readUint32(window: ByteWindow): Promise<number> {
  if (!(await window.fill(4))) throw cutOff();
  const [a, b, c, d] = window.take(4);
  return (a! | (b! << 8) | (c! << 16) | (d! << 24)) >>> 0;
}
