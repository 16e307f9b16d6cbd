/**
 * One record of a pack: a 64-byte header that describes itself, the payload, and zeros up to a multiple of 8.
 *
 * | offset | bytes | field |
 * | --- | --- | --- |
 * | 0 | 8 | magic `89 43 41 53 52 45 43 0a` ("\x89CASREC\n") |
 * | 8 | 1 | version, 1 |
 * | 9 | 1 | codec: 0 as is, 1 zstd |
 * | 10 | 1 | kind, see {@link RecordKind} |
 * | 11 | 1 | flags, 0 |
 * | 12 | 32 | key |
 * | 44 | 4 | stored length: the payload as it lies here |
 * | 48 | 4 | raw length: the payload decoded |
 * | 52 | 4 | CRC-32 of the payload as it lies here |
 * | 56 | 4 | tag of the pack, see `pack-header.ts` |
 * | 60 | 4 | CRC-32 of the 60 bytes before |
 *
 * Numbers are little-endian, the CRC is that of zlib (IEEE 802.3). A damaged payload fails its CRC and never reaches a
 * decoder. The tag makes bytes that merely look like a record (a pack stored as a blob) useless to a scan.
 */
import { shortCrc32 } from './short-crc32.ts';

/** The length of a header in bytes. */
export const RECORD_HEADER_BYTES = 64;

/** The length of a key in bytes. */
export const RECORD_KEY_BYTES = 32;

/** Records begin at multiples of this. */
export const RECORD_ALIGNMENT = 8;

/** No payload is longer than this, stored or raw: what claims more is damage. */
export const MAX_RECORD_BYTES: number = 256 * 1024 * 1024;

/** The first bytes of every record. */
export const RECORD_MAGIC: Uint8Array = Uint8Array.from([
  0x89, 0x43, 0x41, 0x53, 0x52, 0x45, 0x43, 0x0a,
]);

/** What a record holds. The engine only tells apart how it is checked and indexed. */
export const RecordKind = {
  /** A blob, or a part of one; the key is the BLAKE3 of the raw payload. */
  chunk: 1,
  /** The list of a blob's chunks; the key is the digest of the blob. */
  recipe: 2,
  /** A directory in its canonical encoding; the key is the BLAKE3 of the raw payload. */
  directory: 3,
  /** A change to a table, see `table-entry.ts`; the key is the BLAKE3 of the raw payload. */
  tableEntry: 4,
  /** The index of a sealed pack, see `pack-footer.ts`; the key is the BLAKE3 of the raw payload. */
  footer: 255,
} as const;

/** One of the numbers in {@link RecordKind}. */
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind];

/** How a payload is stored. */
export const Codec = { raw: 0, zstd: 1 } as const;

/** One of the numbers in {@link Codec}. */
export type Codec = (typeof Codec)[keyof typeof Codec];

/** The fields of a header. */
export interface RecordHeader {
  readonly codec: Codec;
  readonly kind: RecordKind;
  readonly key: Uint8Array;
  readonly storedLength: number;
  readonly rawLength: number;
  readonly payloadCrc: number;
}

const VERSION = 1;

/** Writes a header at an offset of a buffer. */
export function encodeRecordHeader(
  header: Omit<RecordHeader, 'storedLength'>,
  storedLength: number,
  packTag: number,
  into: Buffer,
  at: number,
): void {
  into.set(RECORD_MAGIC, at);
  into[at + 8] = VERSION;
  into[at + 9] = header.codec;
  into[at + 10] = header.kind;
  into[at + 11] = 0;
  into.set(header.key, at + 12);
  into.writeUInt32LE(storedLength, at + 44);
  into.writeUInt32LE(header.rawLength, at + 48);
  into.writeUInt32LE(header.payloadCrc, at + 52);
  into.writeUInt32LE(packTag, at + 56);
  into.writeUInt32LE(shortCrc32(into, at, at + 60), at + 60);
}

/** The header at an offset, its key a view of the bytes; `undefined` where none stands there, or a damaged one, or one of another pack. */
export function decodeRecordHeader(
  from: Buffer,
  packTag: number,
  at = 0,
): RecordHeader | undefined {
  if (from.length - at < RECORD_HEADER_BYTES) return undefined;
  for (let i = 0; i < RECORD_MAGIC.length; i += 1)
    if (from[at + i] !== RECORD_MAGIC[i]) return undefined;
  if (from[at + 8] !== VERSION) return undefined;
  if (from.readUInt32LE(at + 56) !== packTag) return undefined;
  if (from.readUInt32LE(at + 60) !== shortCrc32(from, at, at + 60))
    return undefined;
  const codec = from[at + 9]!;
  const storedLength = from.readUInt32LE(at + 44);
  const rawLength = from.readUInt32LE(at + 48);
  if (codec > Codec.zstd) return undefined;
  if (storedLength > MAX_RECORD_BYTES || rawLength > MAX_RECORD_BYTES)
    return undefined;
  return {
    codec: codec as Codec,
    kind: from[at + 10] as RecordKind,
    key: from.subarray(at + 12, at + 44),
    storedLength,
    rawLength,
    payloadCrc: from.readUInt32LE(at + 52),
  };
}

/** The bytes a record takes in a pack, header and padding included. */
export function recordSpan(storedLength: number): number {
  return (
    RECORD_HEADER_BYTES +
    Math.ceil(storedLength / RECORD_ALIGNMENT) * RECORD_ALIGNMENT
  );
}

/** Whether the key of a record is the BLAKE3 of its raw payload. */
export function isContentAddressed(kind: RecordKind): boolean {
  return kind !== RecordKind.recipe;
}
