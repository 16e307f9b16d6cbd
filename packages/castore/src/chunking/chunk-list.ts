/**
 * A recipe: what a large blob is put together from.
 *
 * | bytes | field |
 * | --- | --- |
 * | 1 | version, 1 |
 * | 1 | sections that follow the chunks; 0, none are defined yet |
 * | 2 | 0 |
 * | 4 | number of chunks |
 * | 8 | length of the blob |
 * | 36 each | chunks in order: digest 32, length 4 |
 * | 32 | BLAKE3 of the blob's digest and all bytes before |
 *
 * Numbers are little-endian. A section will carry the BLAKE3 chaining values of the blob's 16 KiB groups: they depend on
 * the place in the blob, so that they belong here and never to a chunk. A reader refuses sections that it doesn't know.
 */
import { B3Digest } from '../digest/b3-digest.ts';
import { compareBytes } from '../digest/bytes.ts';
import { createHasher } from '../digest/hasher.ts';
import { CastoreError } from '../errors.ts';

/** One part of a blob. */
export interface ListedChunk {
  readonly digest: B3Digest;
  readonly size: number;
}

/** The parts of a blob in order. */
export interface ChunkList {
  /** The sum of the parts. */
  readonly size: number;
  readonly chunks: readonly ListedChunk[];
}

const VERSION = 1;
const HEADER_BYTES = 16;
const CHUNK_BYTES = B3Digest.LENGTH + 4;

/** Encodes the recipe of the blob with that digest. */
export function encodeChunkList(blob: B3Digest, list: ChunkList): Uint8Array {
  const end = HEADER_BYTES + list.chunks.length * CHUNK_BYTES;
  const bytes = Buffer.alloc(end + B3Digest.LENGTH);
  bytes[0] = VERSION;
  bytes.writeUInt32LE(list.chunks.length, 4);
  bytes.writeBigUInt64LE(BigInt(list.size), 8);
  let at = HEADER_BYTES;
  for (const { digest, size } of list.chunks) {
    bytes.set(digest.bytes, at);
    bytes.writeUInt32LE(size, at + B3Digest.LENGTH);
    at += CHUNK_BYTES;
  }
  bytes.set(seal(blob, bytes.subarray(0, end)), end);
  return bytes;
}

/**
 * Decodes the recipe of the blob with that digest; `undefined` where the bytes are not it.
 *
 * @throws CastoreError `castore/store-format` where it is of a later version
 */
export function decodeChunkList(
  blob: B3Digest,
  encoded: Uint8Array,
): ChunkList | undefined {
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length);
  const end = bytes.length - B3Digest.LENGTH;
  if (end < HEADER_BYTES) return undefined;
  const sealed = bytes.subarray(0, end);
  if (compareBytes(seal(blob, sealed), bytes.subarray(end)) !== 0)
    return undefined;
  if (bytes[0] !== VERSION || bytes[1] !== 0) {
    throw new CastoreError(
      'castore/store-format',
      `the list of chunks of blob ${blob.toString()} was written by a newer program (version ${bytes[0]}, sections ${bytes[1]})`,
      { details: { digest: blob } },
    );
  }
  const count = bytes.readUInt32LE(4);
  if (end !== HEADER_BYTES + count * CHUNK_BYTES) return undefined;
  const chunks: ListedChunk[] = [];
  for (let at = HEADER_BYTES; at < end; at += CHUNK_BYTES) {
    const digest = new Uint8Array(bytes.subarray(at, at + B3Digest.LENGTH));
    chunks.push({
      digest: B3Digest.fromBytes(digest),
      size: bytes.readUInt32LE(at + B3Digest.LENGTH),
    });
  }
  return { size: Number(bytes.readBigUInt64LE(8)), chunks };
}

function seal(blob: B3Digest, bytes: Uint8Array): Uint8Array {
  return createHasher().update(blob.bytes).update(bytes).digest().bytes;
}
