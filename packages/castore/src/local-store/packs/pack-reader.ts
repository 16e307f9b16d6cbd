import { crc32 } from 'node:zlib';
import { type FileSystem, readFully } from '../file-system.ts';
import type { RecordLocation } from '../index/index-entry.ts';
import type { Pack } from './packs.ts';
import { payloadBuffer } from './payload-buffer.ts';
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

/** The descriptor of a pack's file; the tag tells it from an earlier pack of the same number. */
interface OpenPack {
  readonly fd: number;
  readonly tag: number;
}

const MAX_OPEN_FILES = 256;
const MAX_SCRATCH_BYTES = 1024 * 1024;

/**
 * Reads records at known places, synchronously: from the page cache a read costs two microseconds, a trip through the
 * thread pool twenty. Callers slice long work and let the event loop turn in between.
 */
export class PackReader {
  readonly #files: FileSystem;
  /** Where compressed payloads are read to: they are gone once decoded. */
  #scratch: Buffer = Buffer.alloc(0);
  /** In order of their last use. */
  readonly #open = new Map<number, OpenPack>();

  constructor(files: FileSystem) {
    this.#files = files;
  }

  /**
   * The record at a location; `undefined` where what lies there isn't that record, or its payload must not be decoded
   * for it is damaged. A payload that is stored as it is belongs to the caller and is not checked where its key will
   * be; one that has to be decoded is valid until the next call. Throws what the file system throws.
   */
  read(
    pack: Pack,
    location: RecordLocation,
    options: { readonly checkAlways?: boolean } = {},
  ): StoredRecord | undefined {
    const length = RECORD_HEADER_BYTES + location.storedLength;
    const bytes =
      location.codec === Codec.raw
        ? payloadBuffer(length)
        : this.#scratchOf(length);
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
  readPart(
    pack: Pack,
    location: RecordLocation,
    offset: number,
    into: Uint8Array,
  ): boolean {
    const position = location.offset + RECORD_HEADER_BYTES + offset;
    return (
      readFully(this.#files, this.#descriptor(pack), into, position) ===
      into.length
    );
  }

  /** Brings a part of a pack into the page cache, in the background. Rejects as the file system does. */
  async warm(pack: Pack, position: number, length: number): Promise<void> {
    await this.#files.warm(this.#descriptor(pack), position, length);
  }

  /** Lets go of a pack's file: it is about to be replaced or removed. */
  forget(pack: Pack): void {
    const open = this.#open.get(pack.number);
    if (open === undefined) return;
    this.#open.delete(pack.number);
    this.#files.closeSync(open.fd);
  }

  close(): void {
    for (const { fd } of this.#open.values()) this.#files.closeSync(fd);
    this.#open.clear();
  }

  #scratchOf(length: number): Buffer {
    if (length > MAX_SCRATCH_BYTES) return Buffer.allocUnsafe(length);
    if (length > this.#scratch.length)
      this.#scratch = Buffer.allocUnsafeSlow(2 * length);
    return this.#scratch.subarray(0, length);
  }

  #descriptor(pack: Pack): number {
    const known = this.#open.get(pack.number);
    if (known !== undefined && known.tag !== pack.tag) this.forget(pack);
    else if (known !== undefined) {
      if (this.#open.size > MAX_OPEN_FILES / 2) {
        this.#open.delete(pack.number);
        this.#open.set(pack.number, known);
      }
      return known.fd;
    }
    if (this.#open.size >= MAX_OPEN_FILES) {
      for (const [number, { fd }] of this.#open) {
        this.#open.delete(number);
        this.#files.closeSync(fd);
        break;
      }
    }
    const fd = this.#files.openSync(pack.file, 'r');
    this.#open.set(pack.number, { fd, tag: pack.tag });
    return fd;
  }
}
