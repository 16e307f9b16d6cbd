/**
 * Files in the compression that a client expects, quickly rather than small: where the format has a form for bytes that
 * don't compress, that is what is written.
 *
 * A client that uploads remembers the file by its own name and compression, for 30 days; the file itself isn't kept.
 */
import { crc32 } from 'node:zlib';
import type { Compression } from './compression.ts';
import { encode } from './encode.ts';

/**
 * Packs bytes as a file of that compression. In place of bzip2 and lzip, which can't hold plain bytes, it is gzip:
 * clients up to Nix 2.8 at least tell them apart by their first bytes.
 */
export function repack(
  compression: Compression,
  source: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  switch (compression) {
    case 'none':
      return source;
    case 'gzip':
    case 'br':
    case 'zstd':
      return encode(compression, source);
    case 'xz':
      return plainXz(source);
    case 'lz4':
      return plainLz4(source);
    case 'bzip2':
    case 'lzip':
      return encode('gzip', source);
  }
}

const CHUNK_BYTES = 64 * 1024;
const WINDOW_64_KIB = 8;

async function* plainXz(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const flags = Buffer.of(0, 0); // no check: a store path's hash is checked anyway
  yield Buffer.concat([
    Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]),
    flags,
    crc(flags),
  ]);
  const header = Buffer.from([2, 0, 0x21, 1, WINDOW_64_KIB, 0, 0, 0]);
  yield Buffer.concat([header, crc(header)]);
  let packed = header.length + 4;
  let size = 0;
  for await (const chunk of chunks(source)) {
    const control = size === 0 ? 1 : 2;
    const length = chunk.length - 1;
    yield Buffer.concat([
      Buffer.of(control, length >> 8, length & 0xff),
      chunk,
    ]);
    packed += 3 + chunk.length;
    size += chunk.length;
  }
  packed += 1;
  yield Buffer.alloc(1 + (-packed & 3));
  const fields = Buffer.concat([Buffer.of(0, 1), varint(packed), varint(size)]);
  const index = Buffer.concat([fields, Buffer.alloc(-fields.length & 3)]);
  const backward = Buffer.alloc(4);
  backward.writeUInt32LE((index.length + 4) / 4 - 1);
  const footer = Buffer.concat([backward, flags]);
  yield Buffer.concat([
    index,
    crc(index),
    crc(footer),
    footer,
    Buffer.from('YZ'),
  ]);
}

async function* plainLz4(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  // Version 1, blocks by themselves of at most 64 KiB, no checksums; the last byte is the xxHash of the two before.
  yield Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
  for await (const chunk of chunks(source)) {
    const head = Buffer.alloc(4);
    head.writeUInt32LE((0x80000000 | chunk.length) >>> 0);
    yield Buffer.concat([head, chunk]);
  }
  yield Buffer.alloc(4);
}

async function* chunks(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of source)
    for (let at = 0; at < piece.length; at += CHUNK_BYTES)
      yield piece.subarray(at, at + CHUNK_BYTES);
}

function crc(bytes: Uint8Array): Buffer {
  const field = Buffer.alloc(4);
  field.writeUInt32LE(crc32(bytes));
  return field;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 128))
    bytes.push((value % 128) | 0x80);
  return Buffer.from([...bytes, value]);
}
