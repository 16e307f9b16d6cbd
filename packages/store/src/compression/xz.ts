/** The .xz format 1.2.1, with LZMA2 as the only filter, which is all that `xz` and Nix write. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { compareBytes } from '@tvix/castore';
import { ByteWindow } from './byte-window.ts';
import { corrupt, cutOff, windowTooLarge } from './corrupt.ts';
import { Crc64 } from './crc64.ts';
import { decodeLzma2 } from './lzma2.ts';

const MAX_WINDOW_BYTES = 128 * 1024 * 1024;
const HEADER_BYTES = 12;
const MAGIC = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);
const FOOTER_MAGIC = 'YZ';
const LZMA2_FILTER = 0x21;
/** Length of a block's check by its type. */
const CHECK_BYTES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];

/** What a block's contents are checked with. */
interface Check {
  update(bytes: Uint8Array): unknown;
  /** The bytes as they stand in the file. */
  digest(): Uint8Array;
}

class Crc32 implements Check {
  #value = 0;

  update(bytes: Uint8Array): void {
    this.#value = crc32(bytes, this.#value);
  }

  digest(): Uint8Array {
    const digest = Buffer.alloc(4);
    digest.writeUInt32LE(this.#value);
    return digest;
  }
}

/** The checks that have a meaning; a block with another one can't be checked, and is taken. */
const CHECKS: Readonly<Record<number, () => Check>> = {
  1: () => new Crc32(),
  4: () => new Crc64(),
  10: () => createHash('sha256'),
};

/**
 * Undoes xz, stream after stream. The CRC-32 of headers and footers is checked, that, CRC-64 or SHA-256 of blocks, and the
 * lengths that headers and the index tell.
 *
 * @throws StoreError `store/corrupt-compression`, `store/limit-exceeded` for a window over 128 MiB
 */
export async function* unxz(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const window = new ByteWindow(source);
  try {
    if (!(await window.fill(1))) throw cutOff();
    while (await window.fill(1)) {
      yield* decodeStream(window);
      await skipStreamPadding(window);
    }
  } finally {
    await window.close();
  }
}

async function* decodeStream(
  window: ByteWindow,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (!(await window.fill(HEADER_BYTES))) throw cutOff();
  const header = Buffer.from(window.take(HEADER_BYTES));
  if (!header.subarray(0, 6).equals(MAGIC)) throw corrupt('it is no xz stream');
  const check = header[7]!;
  if (header[6] !== 0 || check > 15) throw corrupt('unknown kind of check');
  if (crc32(header.subarray(6, 8)) !== header.readUInt32LE(8))
    throw corrupt('a header is damaged');
  let blocks = 0;
  for (;;) {
    if (!(await window.fill(1))) throw cutOff();
    if (window.bytes[window.at] === 0) break;
    yield* decodeBlock(window, check);
    blocks++;
  }
  const indexBytes = await readIndex(window, blocks);
  await readFooter(window, header, indexBytes);
}

async function* decodeBlock(
  window: ByteWindow,
  check: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { windowSize, packedSize, size } = await readBlockHeader(window);
  let total = 0;
  const checksum = CHECKS[check]?.();
  const chunks = decodeLzma2(window, windowSize);
  let packed: number;
  for (;;) {
    const { done, value } = await chunks.next();
    if (done === true) {
      packed = value;
      break;
    }
    total += value.length;
    checksum?.update(value);
    yield value;
  }
  if (
    (size !== undefined && size !== total) ||
    (packedSize !== undefined && packedSize !== packed)
  )
    throw corrupt('a block has another length than its header says');
  const padding = -packed & 3;
  const checkBytes = CHECK_BYTES[check]!;
  if (!(await window.fill(padding + checkBytes))) throw cutOff();
  assertZeros(window.take(padding));
  const found = window.take(checkBytes);
  if (checksum !== undefined && compareBytes(checksum.digest(), found) !== 0)
    throw corrupt('a block is damaged');
}

async function readBlockHeader(window: ByteWindow): Promise<{
  windowSize: number;
  packedSize: number | undefined;
  size: number | undefined;
}> {
  const length = (window.bytes[window.at]! + 1) * 4;
  if (!(await window.fill(length))) throw cutOff();
  const header = Buffer.from(window.take(length));
  if (crc32(header.subarray(0, length - 4)) !== header.readUInt32LE(length - 4))
    throw corrupt('a header is damaged');
  const fields = new VarintReader(header.subarray(1, length - 4));
  const flags = fields.byte();
  const packedSize = (flags & 0x40) === 0 ? undefined : fields.varint();
  const size = (flags & 0x80) === 0 ? undefined : fields.varint();
  if (
    (flags & 0x3f) !== 0 ||
    fields.varint() !== LZMA2_FILTER ||
    fields.varint() !== 1
  )
    throw corrupt('it uses other filters than LZMA2');
  return { windowSize: readWindowSize(fields.byte()), packedSize, size };
}

function readWindowSize(byte: number): number {
  if (byte > 40) throw corrupt('an impossible window');
  const size =
    byte === 40 ? 2 ** 32 - 1 : (2 | (byte & 1)) * 2 ** ((byte >> 1) + 11);
  if (size > MAX_WINDOW_BYTES) throw windowTooLarge(size, MAX_WINDOW_BYTES);
  return size;
}

/** Passes over the index, which says again how long each block was; answers how long the index is. */
async function readIndex(window: ByteWindow, blocks: number): Promise<number> {
  let crc = 0;
  let length = 0;
  const next = async (): Promise<number> => {
    if (!(await window.fill(1))) throw cutOff();
    const byte = window.take(1);
    crc = crc32(byte, crc);
    length++;
    return byte[0]!;
  };
  const varint = async (): Promise<number> => {
    let value = 0;
    for (let i = 0; i < 9; i++) {
      const byte = await next();
      value += (byte & 0x7f) * 2 ** (7 * i);
      if ((byte & 0x80) === 0) return value;
    }
    throw corrupt('a number is too long');
  };
  await next();
  if ((await varint()) !== blocks)
    throw corrupt('the index tells another number of blocks');
  for (let i = 0; i < 2 * blocks; i++) await varint();
  while ((length & 3) !== 0)
    if ((await next()) !== 0) throw corrupt('the index is damaged');
  if (!(await window.fill(4))) throw cutOff();
  if (Buffer.from(window.take(4)).readUInt32LE(0) !== crc)
    throw corrupt('the index is damaged');
  return length + 4;
}

async function readFooter(
  window: ByteWindow,
  header: Buffer,
  indexBytes: number,
): Promise<void> {
  if (!(await window.fill(HEADER_BYTES))) throw cutOff();
  const footer = Buffer.from(window.take(HEADER_BYTES));
  const isSound =
    crc32(footer.subarray(4, 10)) === footer.readUInt32LE(0) &&
    (footer.readUInt32LE(4) + 1) * 4 === indexBytes &&
    footer.subarray(8, 10).equals(header.subarray(6, 8)) &&
    footer.toString('latin1', 10) === FOOTER_MAGIC;
  if (!isSound) throw corrupt('the footer is damaged');
}

/** Zeros, a multiple of four, may follow a stream. */
async function skipStreamPadding(window: ByteWindow): Promise<void> {
  while (await window.fill(4)) {
    if (Buffer.from(window.bytes.buffer, window.at, 4).readUInt32LE(0) !== 0)
      return;
    window.take(4);
  }
  if (window.length > 0) throw corrupt('bytes follow the last stream');
}

function assertZeros(bytes: Uint8Array): void {
  if (bytes.some((byte) => byte !== 0)) throw corrupt('padding is not zero');
}

/** Reads the fields of a header. */
class VarintReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw corrupt('a header is too short');
    return byte;
  }

  varint(): number {
    let value = 0;
    for (let i = 0; i < 9; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** (7 * i);
      if ((byte & 0x80) === 0) return value;
    }
    throw corrupt('a number is too long');
  }
}
