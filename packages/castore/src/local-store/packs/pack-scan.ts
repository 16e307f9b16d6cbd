import { crc32 } from 'node:zlib';
import { type FileSystem, readFully } from '../file-system.ts';
import { decodePackTrailer, PACK_TRAILER_BYTES } from './pack-footer.ts';
import { PACK_HEADER_BYTES } from './pack-header.ts';
import {
  PACK_ENTRY_BYTES,
  type PackEntry,
  PackListing,
  PIECE_ENTRIES,
} from './pack-listing.ts';
import { PackWindow } from './pack-window.ts';
import {
  decodeRecordHeader,
  RECORD_ALIGNMENT,
  RECORD_HEADER_BYTES,
  RECORD_MAGIC,
  RecordKind,
  recordSpan,
} from './record.ts';

/** A magic is looked for in so many bytes at once. */
const SEARCH_BYTES = 128 * 1024;

/** Of a footer, so much is read at once. */
const PART_BYTES = PIECE_ENTRIES * PACK_ENTRY_BYTES;

/** What a pack holds, told by the pack alone. */
export interface PackContents {
  readonly entryCount: number;
  /** The records in their order, a part after another; the file must be open. A part and its keys stay as they are. */
  parts(): Iterable<PackListing>;
  /** Where the last whole record ends; behind a seal, where the file ends. */
  readonly end: number;
  readonly isSealed: boolean;
  /** Stretches in which no record stands although some follow: damage. */
  readonly gaps: readonly { readonly start: number; readonly end: number }[];
}

/** Lists the records of a pack, by its footer where it has a sound one and by a walk over all records otherwise. */
export function listPack(
  files: FileSystem,
  fd: number,
  length: number,
  tag: number,
): PackContents {
  return readFooter(files, fd, length, tag) ?? scanPack(files, fd, length, tag);
}

/** Lists the records of a pack by a walk over all of them up to a length. */
export function scanPack(
  files: FileSystem,
  fd: number,
  length: number,
  tag: number,
): PackContents {
  const entries = PackListing.empty();
  const gaps: { start: number; end: number }[] = [];
  let end = PACK_HEADER_BYTES;
  for (const entry of walkPack(files, fd, length, tag)) {
    if (entry.offset > end) gaps.push({ start: end, end: entry.offset });
    end = Math.min(length, entry.offset + recordSpan(entry.storedLength));
    if (entry.kind !== RecordKind.footer) entries.add(entry);
  }
  return {
    entryCount: entries.length,
    parts: () => [entries],
    end,
    isSealed: false,
    gaps,
  };
}

/**
 * Walks a pack from header to header up to a length, footers included. Where none stands, it goes on at the next magic
 * that begins one: damage costs the records that it lies in, and no more. A key is valid until the next entry.
 */
export function* walkPack(
  files: FileSystem,
  fd: number,
  length: number,
  tag: number,
): Generator<PackEntry> {
  const window = new PackWindow(files, fd, length);
  let at = PACK_HEADER_BYTES;
  while (at + RECORD_HEADER_BYTES <= length) {
    const header = decodeRecordHeader(window.at(at, RECORD_HEADER_BYTES), tag);
    if (
      header === undefined ||
      at + RECORD_HEADER_BYTES + header.storedLength > length
    ) {
      at = nextMagic(window, at + RECORD_ALIGNMENT, length);
      continue;
    }
    const { kind, codec, key, storedLength, rawLength } = header;
    yield { kind, codec, key, offset: at, storedLength, rawLength };
    at = Math.min(length, at + recordSpan(storedLength));
  }
}

function readFooter(
  files: FileSystem,
  fd: number,
  length: number,
  tag: number,
): PackContents | undefined {
  if (length < PACK_HEADER_BYTES + PACK_TRAILER_BYTES) return undefined;
  const tail = Buffer.alloc(PACK_TRAILER_BYTES);
  readFully(files, fd, tail, length - PACK_TRAILER_BYTES);
  const trailer = decodePackTrailer(tail);
  if (trailer === undefined) return undefined;
  const { footerOffset, entryCount } = trailer;
  const start = footerOffset + RECORD_HEADER_BYTES;
  const payloadLength = entryCount * PACK_ENTRY_BYTES;
  if (start + payloadLength > length - PACK_TRAILER_BYTES) return undefined;
  const head = Buffer.alloc(RECORD_HEADER_BYTES);
  readFully(files, fd, head, footerOffset);
  const header = decodeRecordHeader(head, tag);
  if (
    header === undefined ||
    header.kind !== RecordKind.footer ||
    header.storedLength !== payloadLength
  )
    return undefined;
  function* payload(): Generator<Buffer> {
    for (let at = 0; at < payloadLength; at += PART_BYTES) {
      const part = Buffer.alloc(Math.min(PART_BYTES, payloadLength - at));
      readFully(files, fd, part, start + at);
      yield part;
    }
  }
  let crc = 0;
  for (const part of payload()) crc = crc32(part, crc);
  if (crc !== header.payloadCrc) return undefined;
  return {
    entryCount,
    *parts() {
      for (const part of payload()) yield PackListing.decode(part);
    },
    end: length,
    isSealed: true,
    gaps: [],
  };
}

/** The next aligned place at which the magic stands; the end where none does. */
function nextMagic(window: PackWindow, from: number, length: number): number {
  const magic = Buffer.from(RECORD_MAGIC);
  let at = from;
  while (at + RECORD_HEADER_BYTES <= length) {
    const bytes = window.at(at, Math.min(SEARCH_BYTES, length - at));
    const found = bytes.indexOf(magic);
    if (found < 0) {
      at += bytes.length - RECORD_MAGIC.length + 1;
      at = Math.ceil(at / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;
    } else if ((at + found) % RECORD_ALIGNMENT !== 0) {
      at = Math.ceil((at + found) / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;
    } else return at + found;
  }
  return length;
}
