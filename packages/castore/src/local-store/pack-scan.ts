import { crc32 } from 'node:zlib';
import { type FileSystem, readFully } from './file-system.ts';
import {
  decodePackFooter,
  decodePackTrailer,
  PACK_TRAILER_BYTES,
  type PackEntry,
} from './pack-footer.ts';
import { PACK_HEADER_BYTES } from './pack-header.ts';
import {
  decodeRecordHeader,
  RECORD_ALIGNMENT,
  RECORD_HEADER_BYTES,
  RECORD_MAGIC,
  RecordKind,
  recordSpan,
} from './record.ts';

/** What a pack holds, told by the pack alone. */
export interface PackContents {
  readonly entries: readonly PackEntry[];
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

/**
 * Walks a pack from header to header up to a length. Where none stands, it goes on at the next magic that begins one:
 * damage costs the records that it lies in, and no more.
 */
export function scanPack(
  files: FileSystem,
  fd: number,
  length: number,
  tag: number,
): PackContents {
  const entries: PackEntry[] = [];
  const gaps: { start: number; end: number }[] = [];
  const window = new Window(files, fd, length);
  let at = PACK_HEADER_BYTES;
  let end = at;
  while (at + RECORD_HEADER_BYTES <= length) {
    const header = decodeRecordHeader(window.at(at, RECORD_HEADER_BYTES), tag);
    if (
      header === undefined ||
      at + RECORD_HEADER_BYTES + header.storedLength > length
    ) {
      at = nextMagic(window, at + RECORD_ALIGNMENT, length);
      continue;
    }
    if (at > end) gaps.push({ start: end, end: at });
    const offset = at;
    at = Math.min(length, at + recordSpan(header.storedLength));
    end = at;
    if (header.kind === RecordKind.footer) continue;
    const { kind, codec, storedLength, rawLength } = header;
    const key = new Uint8Array(header.key);
    entries.push({ kind, codec, key, offset, storedLength, rawLength });
  }
  return { entries, end, isSealed: false, gaps };
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
  const room = length - PACK_TRAILER_BYTES - trailer.footerOffset;
  if (room < RECORD_HEADER_BYTES) return undefined;
  const record = Buffer.alloc(room);
  if (readFully(files, fd, record, trailer.footerOffset) < room)
    return undefined;
  const header = decodeRecordHeader(record, tag);
  if (header === undefined || header.kind !== RecordKind.footer)
    return undefined;
  const payload = record.subarray(
    RECORD_HEADER_BYTES,
    RECORD_HEADER_BYTES + header.storedLength,
  );
  if (crc32(payload) !== header.payloadCrc) return undefined;
  const entries = decodePackFooter(payload);
  if (entries.length !== trailer.entryCount) return undefined;
  return { entries, end: length, isSealed: true, gaps: [] };
}

/** The next aligned place at which the magic stands; the end where none does. */
function nextMagic(window: Window, from: number, length: number): number {
  const magic = Buffer.from(RECORD_MAGIC);
  let at = from;
  while (at + RECORD_HEADER_BYTES <= length) {
    const bytes = window.at(at, Math.min(WINDOW_BYTES / 2, length - at));
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

const WINDOW_BYTES = 256 * 1024;

/** A view into the file that moves forward: small records come many to a read. */
class Window {
  readonly #files: FileSystem;
  readonly #fd: number;
  readonly #length: number;
  readonly #buffer = Buffer.allocUnsafe(WINDOW_BYTES);
  #start = 0;
  #filled = 0;

  constructor(files: FileSystem, fd: number, length: number) {
    this.#files = files;
    this.#fd = fd;
    this.#length = length;
  }

  /** Valid until the next call. */
  at(position: number, length: number): Buffer {
    if (
      position < this.#start ||
      position + length > this.#start + this.#filled
    ) {
      this.#start = position;
      this.#filled = readFully(
        this.#files,
        this.#fd,
        this.#buffer.subarray(
          0,
          Math.min(WINDOW_BYTES, this.#length - position),
        ),
        position,
      );
    }
    const from = position - this.#start;
    return this.#buffer.subarray(from, Math.min(this.#filled, from + length));
  }
}
