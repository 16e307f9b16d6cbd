/**
 * Zstandard, by `fzstd`. Frames and blocks are told apart here and handed over one by one, so that no more than a block
 * (128 KiB) comes out at a time, and a window is refused before there is one.
 */
import { Decompress } from 'fzstd';
import { ByteWindow } from './byte-window.ts';
import { corrupt, cutOff, windowTooLarge } from './corrupt.ts';
import { XxHash64 } from './xxhash64.ts';

/** The largest window: that of the highest level that has no need of a flag, and of `--long`. */
const MAX_WINDOW_BYTES = 128 * 1024 * 1024;
const MAX_BLOCK_BYTES = 128 * 1024;
const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a5;
const CHECKSUM_BYTES = 4;
const CHECKSUM_FLAG = 4;

/**
 * Undoes Zstandard, frame after frame. The checksums and lengths that frames tell are checked.
 *
 * @throws StoreError `store/corrupt-compression`, `store/limit-exceeded` for a window over 128 MiB
 */
export async function* unzstdByPackage(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const window = new ByteWindow(source);
  try {
    if (!(await window.fill(1))) throw cutOff();
    while (await window.fill(1)) {
      if (!(await window.fill(8))) throw cutOff();
      const magic = readUint32(window.bytes, window.at);
      if (magic >>> 4 === SKIPPABLE_MAGIC) await skipFrame(window);
      else if (magic === MAGIC) yield* decodeFrame(window);
      else throw corrupt('it is no Zstandard frame');
    }
  } finally {
    await window.close();
  }
}

async function* decodeFrame(
  window: ByteWindow,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { header, hasChecksum, size: told } = await readHeader(window);
  const checksum = hasChecksum ? new XxHash64() : undefined;
  let total = 0;
  let out: Uint8Array[] = [];
  const decoder = new Decompress((piece) => {
    if (piece.length > 0) out.push(piece);
  });
  let pending: Uint8Array = header;
  for (let isLast = false; !isLast;) {
    if (!(await window.fill(3))) throw cutOff();
    const { bytes, at } = window;
    const block = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    isLast = (block & 1) === 1;
    const isRepeated = ((block >> 1) & 3) === 1;
    const size = block >>> 3;
    if (size > MAX_BLOCK_BYTES) throw corrupt('a block of more than 128 KiB');
    const length = 3 + (isRepeated ? 1 : size);
    if (!(await window.fill(length))) throw cutOff();
    // The decoder keeps what it is given.
    pending = Buffer.concat([pending, window.take(length)]);
    try {
      decoder.push(pending, isLast);
    } catch (cause) {
      throw corrupt('a block is damaged', cause);
    }
    pending = new Uint8Array(0);
    for (const piece of out) {
      total += piece.length;
      checksum?.update(piece);
      yield piece;
    }
    out = [];
  }
  if (told !== undefined && told !== total)
    throw corrupt('a frame has another length than its header says');
  if (checksum === undefined) return;
  if (!(await window.fill(CHECKSUM_BYTES))) throw cutOff();
  const found = readUint32(window.take(CHECKSUM_BYTES), 0);
  if (BigInt(found) !== BigInt.asUintN(32, checksum.digest()))
    throw corrupt('a frame is damaged');
}

/** The header of a frame as the decoder gets it: without the flag that says that a checksum follows. */
async function readHeader(window: ByteWindow): Promise<{
  header: Uint8Array;
  hasChecksum: boolean;
  /** Bytes of the content, where it is told. */
  size: number | undefined;
}> {
  const descriptor = window.bytes[window.at + 4]!;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  const windowBytes = isSingleSegment ? 0 : 1;
  const length = 5 + windowBytes + dictionaryBytes + contentSizeBytes;
  if (!(await window.fill(length))) throw cutOff();
  const header = window.take(length).slice();
  if (
    dictionaryBytes > 0 &&
    header
      .subarray(5 + windowBytes, 5 + windowBytes + dictionaryBytes)
      .some((byte) => byte !== 0)
  )
    throw corrupt('it needs a dictionary');
  const size =
    contentSizeBytes === 0
      ? undefined
      : readSize(header.subarray(length - contentSizeBytes));
  const needed = isSingleSegment ? size! : readWindowSize(header[5]!);
  if (needed > MAX_WINDOW_BYTES) throw windowTooLarge(needed, MAX_WINDOW_BYTES);
  header[4] = descriptor & ~CHECKSUM_FLAG;
  return { header, hasChecksum: (descriptor & CHECKSUM_FLAG) !== 0, size };
}

function readSize(field: Uint8Array): number {
  let size = 0;
  for (const byte of field.toReversed()) size = size * 256 + byte;
  return field.length === 2 ? size + 256 : size;
}

function readWindowSize(byte: number): number {
  const base = 2 ** (10 + (byte >> 3));
  return base + (base / 8) * (byte & 7);
}

async function skipFrame(window: ByteWindow): Promise<void> {
  let left = readUint32(window.bytes, window.at + 4) >>> 0;
  window.take(8);
  while (left > 0) {
    if (!(await window.fill(1))) throw cutOff();
    left -= window.take(Math.min(left, window.length)).length;
  }
}

function readUint32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! |
      (bytes[at + 1]! << 8) |
      (bytes[at + 2]! << 16) |
      (bytes[at + 3]! << 24)) >>>
    0
  );
}
