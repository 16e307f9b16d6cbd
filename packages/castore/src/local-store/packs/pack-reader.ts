import type { FileSystem } from '../file-system.ts';
import type { RecordLocation } from '../index/index-entry.ts';
import type { Pack } from './packs.ts';
import { payloadBuffer } from './payload-buffer.ts';
import { Codec, RECORD_HEADER_BYTES } from './record.ts';
import {
  type PackFile,
  readStoredPart,
  readStoredRecord,
  type StoredRecord,
} from './stored-record.ts';

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
  /** How many have a descriptor, and those that are closed once nobody has them any more. */
  readonly #lent = new Map<number, number>();
  readonly #unwanted = new Set<number>();

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
    return readStoredRecord(this.#fileOf(pack), location, bytes, options);
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
    return readStoredPart(this.#fileOf(pack), location, offset, into);
  }

  /** The descriptor of a pack's file for somebody else to read from. It stays open until it is given back. */
  lend(pack: Pack): number {
    const fd = this.#descriptor(pack);
    this.#lent.set(fd, (this.#lent.get(fd) ?? 0) + 1);
    return fd;
  }

  /** Takes back a descriptor that was lent. */
  giveBack(fd: number): void {
    const left = this.#lent.get(fd)! - 1;
    if (left > 0) return void this.#lent.set(fd, left);
    this.#lent.delete(fd);
    if (this.#unwanted.delete(fd)) this.#files.closeSync(fd);
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
    this.#close(open.fd);
  }

  close(): void {
    for (const { fd } of this.#open.values()) this.#close(fd);
    this.#open.clear();
  }

  #scratchOf(length: number): Buffer {
    if (length > MAX_SCRATCH_BYTES) return Buffer.allocUnsafe(length);
    if (length > this.#scratch.length)
      this.#scratch = Buffer.allocUnsafeSlow(2 * length);
    return this.#scratch.subarray(0, length);
  }

  #fileOf(pack: Pack): PackFile {
    return { files: this.#files, fd: this.#descriptor(pack), tag: pack.tag };
  }

  #close(fd: number): void {
    if (this.#lent.has(fd)) this.#unwanted.add(fd);
    else this.#files.closeSync(fd);
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
        this.#close(fd);
        break;
      }
    }
    const fd = this.#files.openSync(pack.file, 'r');
    this.#open.set(pack.number, { fd, tag: pack.tag });
    return fd;
  }
}
