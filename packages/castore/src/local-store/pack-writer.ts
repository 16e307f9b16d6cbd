import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { hashBytes } from '../digest/hasher.ts';
import { makeDirectoryDurably, syncDirectory } from './durable-files.ts';
import { type FileSystem, writeFully } from './file-system.ts';
import {
  encodePackFooter,
  encodePackTrailer,
  type PackEntry,
} from './pack-footer.ts';
import { encodePackHeader, PACK_HEADER_BYTES } from './pack-header.ts';
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

/** Appends to one pack. Nothing counts before {@link PackWriter.commit}. */
export class PackWriter {
  readonly pack: Pack;
  readonly #files: FileSystem;
  readonly #fd: number;
  /** All records of the pack, for its footer. */
  readonly #entries: PackEntry[];
  #uncommitted: PackEntry[] = [];
  #length: number;
  /** Bytes beyond the committed length may lie in the file. */
  #isDirty = false;

  private constructor(
    files: FileSystem,
    pack: Pack,
    fd: number,
    length: number,
    entries: PackEntry[],
  ) {
    this.#files = files;
    this.pack = pack;
    this.#fd = fd;
    this.#length = length;
    this.#entries = entries;
  }

  /** Starts a pack: its file and the names that lead to it are durable when this returns, its header with the first append. */
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
      syncDirectory(path.dirname(file));
    } catch (error) {
      files.closeSync(fd);
      fs.rmSync(file, { force: true });
      throw error;
    }
    return new PackWriter(
      files,
      packs.add(number, id),
      fd,
      PACK_HEADER_BYTES,
      [],
    );
  }

  /** Goes on with a pack that was cut to its committed length and holds these records. */
  static resume(
    files: FileSystem,
    pack: Pack,
    entries: readonly PackEntry[],
  ): PackWriter {
    const fd = files.openSync(pack.file, 'r+');
    return new PackWriter(files, pack, fd, pack.committedLength, [...entries]);
  }

  /** The length with everything that was appended. */
  get length(): number {
    return this.#length;
  }

  /** Writes records and makes them durable. Answers with the offset of each. */
  async append(records: readonly PreparedRecord[]): Promise<number[]> {
    if (this.#isDirty) await this.rollBack();
    const { buffers, offsets, end } = this.#layOut(records);
    await writeFully(this.#files, this.#fd, buffers, this.#length);
    await this.#files.fdatasync(this.#fd);
    for (const [i, record] of records.entries()) {
      const { kind, codec, key, rawLength } = record;
      this.#uncommitted.push({
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
    for (const entry of this.#uncommitted) this.#entries.push(entry);
    this.#uncommitted = [];
  }

  /** Takes back what wasn't committed, so that a full disk has its room again. Where that fails, the next append tries again first. */
  async rollBack(): Promise<void> {
    this.#uncommitted = [];
    const length = Math.max(this.pack.committedLength, PACK_HEADER_BYTES);
    this.#length = length;
    this.#isDirty = true;
    await this.#files.ftruncate(this.#fd, length);
    this.#isDirty = false;
  }

  /** Writes the footer and makes the whole pack durable. Answers with its final length. */
  async seal(): Promise<number> {
    const payload = encodePackFooter(this.#entries);
    const offset = this.#length;
    const record = this.#layOut([
      {
        kind: RecordKind.footer,
        key: hashBytes(payload).bytes,
        codec: Codec.raw,
        payload,
        rawLength: payload.length,
        payloadCrc: crc32(payload),
      },
    ]);
    const trailer = encodePackTrailer(offset, this.#entries.length);
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

  #layOut(records: readonly PreparedRecord[]): {
    buffers: Uint8Array[];
    offsets: number[];
    end: number;
  } {
    let gathered = 0;
    for (const { payload } of records)
      gathered += gatheredBytes(payload.length);
    const slab = Buffer.alloc(gathered);
    const buffers: Uint8Array[] = [];
    const offsets: number[] = [];
    let slabStart = 0;
    let slabEnd = 0;
    let end = this.#length;
    for (const record of records) {
      const { payload } = record;
      encodeRecordHeader(
        { ...record, storedLength: payload.length },
        this.pack.tag,
        slab,
        slabEnd,
      );
      offsets.push(end);
      end += recordSpan(payload.length);
      if (payload.length < GATHER_BELOW_BYTES) {
        slab.set(payload, slabEnd + RECORD_HEADER_BYTES);
      } else {
        const headerEnd = slabEnd + RECORD_HEADER_BYTES;
        buffers.push(slab.subarray(slabStart, headerEnd), payload);
        slabStart = headerEnd;
      }
      slabEnd += gatheredBytes(payload.length);
    }
    if (slabEnd > slabStart) buffers.push(slab.subarray(slabStart, slabEnd));
    return { buffers, offsets, end };
  }
}

/** What a record takes in the gathering buffer: all of it, or its header and padding. */
function gatheredBytes(payloadLength: number): number {
  const span = recordSpan(payloadLength);
  return payloadLength < GATHER_BELOW_BYTES ? span : span - payloadLength;
}
