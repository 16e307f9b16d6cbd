/**
 * What the index holds for a record: where it lies, and for tables a tail with the value.
 *
 * | offset | bytes | field |
 * | --- | --- | --- |
 * | 0 | 1 | version, 1 |
 * | 1 | 1 | codec |
 * | 2 | 2 | 0 |
 * | 4 | 4 | number of the pack |
 * | 8 | 4 | offset of the record in the pack, divided by eight |
 * | 12 | 4 | stored length |
 * | 16 | 4 | raw length |
 * | 20 | 4 | touched: minutes since 1970 at which the record was last written or asked for, half an hour early at most |
 * | 24 | 4 | CRC-32 of the index key, the 24 bytes before, and the tail |
 * | 28 | n | tail |
 *
 * LMDB has no checksums of its own, so that a flipped bit would otherwise be believed.
 */
import { crc32 } from 'node:zlib';
import { CastoreError } from '../../errors.ts';
import {
  type Codec,
  RECORD_ALIGNMENT,
  RECORD_HEADER_BYTES,
  recordSpan,
} from '../packs/record.ts';
import { shortCrc32 } from '../packs/short-crc32.ts';

/** Where a record begins. */
export interface RecordPlace {
  readonly pack: number;
  /** Of the record's header, from the start of the pack. */
  readonly offset: number;
}

/** Where a record lies in its pack. */
export interface RecordExtent {
  /** Of the record's header, from the start of the pack. */
  readonly offset: number;
  readonly codec: Codec;
  readonly storedLength: number;
  readonly rawLength: number;
}

/** Where a record lies. */
export interface RecordLocation extends RecordPlace, RecordExtent {}

/** Where a record lies, and when it was last written or asked for. */
export interface IndexedRecord extends RecordLocation {
  /** Minutes since 1970. */
  readonly touched: number;
}

/** The length of an entry without a tail. */
export const INDEX_ENTRY_BYTES = 28;

const VERSION = 1;
const CRC_AT = 24;

/** Encodes an entry; the key takes part in its checksum. */
export function encodeIndexEntry(
  indexKey: Uint8Array,
  location: RecordLocation,
  touchedMinutes: number,
  tail: Uint8Array | undefined,
): Buffer {
  const bytes = Buffer.alloc(INDEX_ENTRY_BYTES + (tail?.length ?? 0));
  bytes[0] = VERSION;
  bytes[1] = location.codec;
  bytes.writeUInt32LE(location.pack, 4);
  bytes.writeUInt32LE(location.offset / RECORD_ALIGNMENT, 8);
  bytes.writeUInt32LE(location.storedLength, 12);
  bytes.writeUInt32LE(location.rawLength, 16);
  bytes.writeUInt32LE(touchedMinutes, 20);
  if (tail !== undefined) bytes.set(tail, INDEX_ENTRY_BYTES);
  bytes.writeUInt32LE(checksum(indexKey, bytes), CRC_AT);
  return bytes;
}

/**
 * The location in an entry; the tail follows at {@link INDEX_ENTRY_BYTES}.
 *
 * @throws CastoreError `castore/corrupt-store` where the entry isn't what was written under that key
 */
export function decodeIndexEntry(
  indexKey: Uint8Array,
  bytes: Buffer,
): IndexedRecord {
  if (
    bytes.length < INDEX_ENTRY_BYTES ||
    bytes[0] !== VERSION ||
    bytes.readUInt32LE(CRC_AT) !== checksum(indexKey, bytes)
  ) {
    throw new CastoreError(
      'castore/corrupt-store',
      'an entry of the index is damaged; the index is rebuilt from the packs when the store is opened next',
      { details: { indexKey } },
    );
  }
  return {
    pack: bytes.readUInt32LE(4),
    offset: bytes.readUInt32LE(8) * RECORD_ALIGNMENT,
    codec: bytes[1] as Codec,
    storedLength: bytes.readUInt32LE(12),
    rawLength: bytes.readUInt32LE(16),
    touched: bytes.readUInt32LE(20),
  };
}

/** Where the payload ends: a pack that is so long holds the record, whatever became of the padding. */
export function payloadEnd({ offset, storedLength }: RecordLocation): number {
  return offset + RECORD_HEADER_BYTES + storedLength;
}

/** Where the next record begins. */
export function recordEnd({ offset, storedLength }: RecordLocation): number {
  return offset + recordSpan(storedLength);
}

/** Whether two locations are the same place. */
export function isSamePlace(a: RecordPlace, b: RecordPlace): boolean {
  return a.pack === b.pack && a.offset === b.offset;
}

function checksum(indexKey: Uint8Array, entry: Buffer): number {
  const head = shortCrc32(entry, 0, CRC_AT, shortCrc32(indexKey));
  return entry.length === INDEX_ENTRY_BYTES
    ? head
    : crc32(entry.subarray(INDEX_ENTRY_BYTES), head);
}
