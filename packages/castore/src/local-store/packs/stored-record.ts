import { crc32 } from 'node:zlib';
import { type FileSystem, readFully } from '../file-system.ts';
import type { RecordExtent } from '../index/index-entry.ts';
import {
  Codec,
  decodeRecordHeader,
  isContentAddressed,
  RECORD_HEADER_BYTES,
  type RecordHeader,
} from './record.ts';

/** A record as it lies in its pack. */
export interface StoredRecord {
  readonly header: RecordHeader;
  readonly payload: Buffer;
}

/** The open file of a pack, and the tag that its records have. */
export interface PackFile {
  readonly files: Pick<FileSystem, 'readSync'>;
  readonly fd: number;
  readonly tag: number;
}

/**
 * The record at a location, read into `bytes`, which must be as long as its header and its stored payload; `undefined`
 * where what lies there isn't that record, or its payload must not be decoded for it is damaged. A payload that is stored
 * as it is isn't checked where its key will be, unless asked for. Throws what the file system throws.
 */
export function readStoredRecord(
  { files, fd, tag }: PackFile,
  location: RecordExtent,
  bytes: Buffer,
  options: { readonly checkAlways?: boolean } = {},
): StoredRecord | undefined {
  if (readFully(files, fd, bytes, location.offset) < bytes.length)
    return undefined;
  const header = decodeRecordHeader(bytes, tag);
  if (
    header === undefined ||
    header.storedLength !== location.storedLength ||
    header.rawLength !== location.rawLength ||
    header.codec !== location.codec
  )
    return undefined;
  const payload = bytes.subarray(RECORD_HEADER_BYTES);
  const isCheckedByKey =
    options.checkAlways !== true &&
    header.codec === Codec.raw &&
    isContentAddressed(header.kind);
  return isCheckedByKey || crc32(payload) === header.payloadCrc
    ? { header, payload }
    : undefined;
}

/**
 * Fills `into` with the part of a payload that begins at `offset`, which must lie inside of it; unchecked. False where
 * the file ends before. Throws what the file system throws.
 */
export function readStoredPart(
  { files, fd }: Omit<PackFile, 'tag'>,
  location: Pick<RecordExtent, 'offset'>,
  offset: number,
  into: Uint8Array,
): boolean {
  const position = location.offset + RECORD_HEADER_BYTES + offset;
  return readFully(files, fd, into, position) === into.length;
}
