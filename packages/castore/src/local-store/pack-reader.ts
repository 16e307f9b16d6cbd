import { crc32 } from 'node:zlib';
import { type FileSystem, readFully } from './file-system.ts';
import type { RecordLocation } from './index-entry.ts';
import type { Pack } from './packs.ts';
import {
  decodeRecordHeader,
  RECORD_HEADER_BYTES,
  type RecordHeader,
} from './record.ts';

/** A record as it lies in its pack. */
export interface StoredRecord {
  readonly header: RecordHeader;
  readonly payload: Buffer;
}

const MAX_OPEN_FILES = 256;

/**
 * Reads records at known places, synchronously: from the page cache a read costs two microseconds, a trip through the
 * thread pool twenty. Callers slice long work and let the event loop turn in between.
 */
export class PackReader {
  readonly #files: FileSystem;
  /** In order of their last use. */
  readonly #open = new Map<number, number>();

  constructor(files: FileSystem) {
    this.#files = files;
  }

  /**
   * The record at a location; `undefined` where what lies there isn't that record, or its payload is damaged.
   * Throws what the file system throws.
   */
  read(pack: Pack, location: RecordLocation): StoredRecord | undefined {
    const bytes = Buffer.allocUnsafe(
      RECORD_HEADER_BYTES + location.storedLength,
    );
    const found = readFully(
      this.#files,
      this.#descriptor(pack),
      bytes,
      location.offset,
    );
    if (found < bytes.length) return undefined;
    const header = decodeRecordHeader(bytes, pack.tag);
    if (
      header === undefined ||
      header.storedLength !== location.storedLength ||
      header.rawLength !== location.rawLength
    )
      return undefined;
    const payload = bytes.subarray(RECORD_HEADER_BYTES);
    return crc32(payload) === header.payloadCrc
      ? { header, payload }
      : undefined;
  }

  /** Lets go of a pack's file: it is about to be replaced or removed. */
  forget(pack: Pack): void {
    const fd = this.#open.get(pack.number);
    if (fd === undefined) return;
    this.#open.delete(pack.number);
    this.#files.closeSync(fd);
  }

  close(): void {
    for (const fd of this.#open.values()) this.#files.closeSync(fd);
    this.#open.clear();
  }

  #descriptor(pack: Pack): number {
    const known = this.#open.get(pack.number);
    if (known !== undefined) {
      if (this.#open.size > MAX_OPEN_FILES / 2) {
        this.#open.delete(pack.number);
        this.#open.set(pack.number, known);
      }
      return known;
    }
    if (this.#open.size >= MAX_OPEN_FILES) {
      for (const [number, fd] of this.#open) {
        this.#open.delete(number);
        this.#files.closeSync(fd);
        break;
      }
    }
    const fd = this.#files.openSync(pack.file, 'r');
    this.#open.set(pack.number, fd);
    return fd;
  }
}
