import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { TimeSlice, yieldToLoop } from '../../blob-service/time-slice.ts';
import { hashBytes } from '../../digest/hasher.ts';
import { makeDirectoryDurably, syncDirectory } from '../durable-files.ts';
import { type FileSystem, writeFully } from '../file-system.ts';
import { encodePackTrailer } from './pack-footer.ts';
import { encodePackHeader, PACK_HEADER_BYTES } from './pack-header.ts';
import { PackListing } from './pack-listing.ts';
import { walkPack } from './pack-scan.ts';
import type { Pack, Packs } from './packs.ts';
import {
  Codec,
  encodeRecordHeader,
  RECORD_HEADER_BYTES,
  RecordKind,
  recordSpan,
} from './record.ts';

/** A record ready to be written: compressed where that pays, with its checksum. */
export interface PreparedRecord {
  readonly kind: RecordKind;
  /** 32 bytes. */
  readonly key: Uint8Array;
  readonly codec: Codec;
  /** As it will lie in the pack. Kept until it was written. */
  readonly payload: Uint8Array;
  readonly rawLength: number;
  readonly payloadCrc: number;
}

/** From this size on a payload is handed to the kernel where it lies; smaller ones are gathered in one buffer. */
const GATHER_BELOW_BYTES = 16 * 1024;

/** As much is gathered for one write, in a buffer that is used again. */
const SLAB_BYTES = 4 * 1024 * 1024;

/** Appends to one pack. Nothing counts before {@link PackWriter.commit}. */
export class PackWriter {
  readonly pack: Pack;
  readonly #files: FileSystem;
  readonly #fd: number;
  /** What lies before this was there when the pack was opened, and isn't in the list. */
  readonly #resumedAt: number;
  /** The records that were appended since, for the footer. */
  readonly #entries = PackListing.empty();
  #committedEntries = 0;
  #length: number;
  #slab: Buffer = Buffer.alloc(0);
  /** Bytes beyond the committed length may lie in the file. */
  #isDirty = false;

  private constructor(
    files: FileSystem,
    pack: Pack,
    fd: number,
    length: number,
  ) {
    this.#files = files;
    this.pack = pack;
    this.#fd = fd;
    this.#length = length;
    this.#resumedAt = length;
  }

  /** Starts a pack: its file, with its header, and the names that lead to it are durable when this returns. */
  static async create(
    files: FileSystem,
    packs: Packs,
    storeId: Uint8Array,
  ): Promise<PackWriter> {
    const id = new Uint8Array(randomBytes(16));
    const number = packs.nextNumber;
    const file = packs.fileOf(id);
    makeDirectoryDurably(path.dirname(file));
    const fd = files.openSync(file, 'wx');
    try {
      const header = encodePackHeader({
        number,
        id,
        storeId,
        createdMs: Date.now(),
      });
      await writeFully(files, fd, [header], 0);
      // The index is about to say that there are so many bytes.
      await files.fdatasync(fd);
      syncDirectory(path.dirname(file));
    } catch (error) {
      files.closeSync(fd);
      fs.rmSync(file, { force: true });
      throw error;
    }
    return new PackWriter(files, packs.add(number, id), fd, PACK_HEADER_BYTES);
  }

  /** Goes on with a pack that was cut to its committed length. What it holds is listed when it is sealed, and not before. */
  static resume(files: FileSystem, pack: Pack): PackWriter {
    const fd = files.openSync(pack.file, 'r+');
    return new PackWriter(files, pack, fd, pack.committedLength);
  }

  /** The length with everything that was appended. */
  get length(): number {
    return this.#length;
  }

  /** Writes records and makes them durable. Answers with the offset of each. */
  async append(records: readonly PreparedRecord[]): Promise<number[]> {
    if (this.#isDirty) await this.rollBack();
    const offsets: number[] = [];
    let end = this.#length;
    for (let next = 0; next < records.length;) {
      const laidOut = this.#layOut(records, next, end);
      await writeFully(this.#files, this.#fd, laidOut.buffers, end);
      for (const offset of laidOut.offsets) offsets.push(offset);
      next += laidOut.offsets.length;
      end = laidOut.end;
    }
    await this.#files.fdatasync(this.#fd);
    for (const [i, record] of records.entries()) {
      const { kind, codec, key, rawLength } = record;
      this.#entries.add({
        kind,
        codec,
        key,
        offset: offsets[i]!,
        storedLength: record.payload.length,
        rawLength,
      });
    }
    this.#length = end;
    return offsets;
  }

  /** What was appended counts from now on. */
  commit(): void {
    this.#committedEntries = this.#entries.length;
  }

  /** Takes back what wasn't committed, so that a full disk has its room again. Where that fails, the next append tries again first. */
  async rollBack(): Promise<void> {
    this.#entries.cutTo(this.#committedEntries);
    const length = Math.max(this.pack.committedLength, PACK_HEADER_BYTES);
    this.#length = length;
    this.#isDirty = true;
    await this.#files.ftruncate(this.#fd, length);
    this.#isDirty = false;
  }

  /** Writes the footer and makes the whole pack durable. Answers with its final length. */
  async seal(): Promise<number> {
    const entries = await this.#allEntries();
    const payload = entries.encode();
    const offset = this.#length;
    const footer: PreparedRecord = {
      kind: RecordKind.footer,
      key: hashBytes(payload).bytes,
      codec: Codec.raw,
      payload,
      rawLength: payload.length,
      payloadCrc: crc32(payload),
    };
    const record = this.#layOut([footer], 0, offset);
    const trailer = encodePackTrailer(offset, entries.length);
    await writeFully(
      this.#files,
      this.#fd,
      [...record.buffers, trailer],
      offset,
    );
    await this.#files.fsync(this.#fd);
    this.#length = record.end + trailer.length;
    return this.#length;
  }

  close(): void {
    this.#files.closeSync(this.#fd);
  }

  async #allEntries(): Promise<PackListing> {
    const { tag } = this.pack;
    const all = PackListing.empty();
    const slice = new TimeSlice();
    for (const entry of walkPack(this.#files, this.#fd, this.#resumedAt, tag)) {
      all.add(entry);
      if (!slice.isOver()) continue;
      await yieldToLoop();
      slice.restart();
    }
    if (all.length === 0) return this.#entries;
    for (const entry of this.#entries) all.add(entry);
    return all;
  }

  /** Lays out as many of the records from a number on as one write takes, to lie from `start` on. */
  #layOut(
    records: readonly PreparedRecord[],
    first: number,
    start: number,
  ): {
    buffers: Uint8Array[];
    offsets: number[];
    end: number;
  } {
    let gathered = 0;
    let last = first;
    for (; last < records.length; last += 1) {
      const more = gatheredBytes(records[last]!.payload.length);
      if (gathered + more > SLAB_BYTES) break;
      gathered += more;
    }
    const slab = this.#slabOf(gathered);
    const { tag } = this.pack;
    const buffers: Uint8Array[] = [];
    const offsets: number[] = [];
    let slabStart = 0;
    let slabEnd = 0;
    let end = start;
    for (let i = first; i < last; i += 1) {
      const record = records[i]!;
      const { payload } = record;
      encodeRecordHeader(record, payload.length, tag, slab, slabEnd);
      offsets.push(end);
      end += recordSpan(payload.length);
      const padded = slabEnd + gatheredBytes(payload.length);
      if (payload.length < GATHER_BELOW_BYTES) {
        const payloadEnd = slabEnd + RECORD_HEADER_BYTES + payload.length;
        slab.set(payload, slabEnd + RECORD_HEADER_BYTES);
        slab.fill(0, payloadEnd, padded);
      } else {
        const headerEnd = slabEnd + RECORD_HEADER_BYTES;
        buffers.push(slab.subarray(slabStart, headerEnd), payload);
        slab.fill(0, headerEnd, padded);
        slabStart = headerEnd;
      }
      slabEnd = padded;
    }
    if (slabEnd > slabStart) buffers.push(slab.subarray(slabStart, slabEnd));
    return { buffers, offsets, end };
  }

  /** A buffer for one write; what was written from it before is in the file by then. */
  #slabOf(bytes: number): Buffer {
    if (bytes > this.#slab.length)
      this.#slab = Buffer.allocUnsafeSlow(Math.min(SLAB_BYTES, 2 * bytes));
    return this.#slab.subarray(0, bytes);
  }
}

/** What a record takes in the gathering buffer: all of it, or its header and padding. */
function gatheredBytes(payloadLength: number): number {
  const span = recordSpan(payloadLength);
  return payloadLength < GATHER_BELOW_BYTES ? span : span - payloadLength;
}
