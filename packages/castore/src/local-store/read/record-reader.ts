import { compareBytes } from '../../digest/bytes.ts';
import { hashBytes } from '../../digest/hasher.ts';
import { CastoreError } from '../../errors.ts';
import type { Zstd } from '../compression/zstd.ts';
import { countPassingBytes } from '../../heap/passing-buffers.ts';
import { payloadBuffer } from '../packs/payload-buffer.ts';
import { decodePayloadInto } from './decode-payload.ts';
import type { FileSystem } from '../file-system.ts';
import {
  decodeIndexEntry,
  type IndexedRecord,
  isSamePlace,
  payloadEnd,
  type RecordLocation,
} from '../index/index-entry.ts';
import { PackReader } from '../packs/pack-reader.ts';
import { PartReader } from './part-reader.ts';
import type { Pack, Packs } from '../packs/packs.ts';
import { Codec, isContentAddressed, type RecordKind } from '../packs/record.ts';
import { errnoOf, ioFailure } from '../store-failure.ts';
import type { StoreIndex } from '../index/store-index.ts';

/** What reading needs of a store. */
export interface RecordReaderParts {
  readonly files: FileSystem;
  readonly index: StoreIndex;
  readonly packs: Packs;
  /** Where another process may be writing: the packs as the index names them now. */
  readonly reloadPacks?: () => Packs;
  readonly zstd: Zstd;
  /** Removes a key from the index; `undefined` where nothing may be written. */
  readonly forget: ((indexKey: Uint8Array) => Promise<void>) | undefined;
  /** The index returned what was never written to it. */
  readonly onDamagedIndex: () => void;
}

/** A record that the index leads to. */
export interface FoundRecord {
  readonly location: RecordLocation;
  readonly indexKey: Uint8Array;
  readonly kind: RecordKind;
  /** The key that its header must have; for tables the header says it. */
  readonly key?: Uint8Array;
}

/** What the index said last. */
interface LookUp {
  /** It holds for this one of the index alone. */
  readonly generation: number;
  readonly indexKey: Buffer;
  readonly location: IndexedRecord;
}

/** Finds records and reads them, checked; what is damaged counts as not stored from then on. */
export class RecordReader {
  readonly #parts: RecordReaderParts;
  readonly #reader: PackReader;
  readonly #partReader: PartReader;
  #packs: Packs;
  /** Records that turned out damaged, by index key, until the index forgot them. */
  readonly #demoted = new Set<string>();
  /** Whoever opens a blob reads it next: that asks the index for the same key again. */
  #last: LookUp | undefined;

  constructor(parts: RecordReaderParts) {
    this.#parts = parts;
    this.#packs = parts.packs;
    this.#reader = new PackReader(parts.files);
    this.#partReader = new PartReader(this.#reader);
  }

  /**
   * Where a record lies; `undefined` where it isn't stored, or its pack no longer holds it.
   *
   * @throws CastoreError `castore/corrupt-store` where the index is damaged
   */
  locate(indexKey: Buffer): IndexedRecord | undefined {
    if (
      this.#demoted.size > 0 &&
      this.#demoted.has(indexKey.toString('latin1'))
    )
      return undefined;
    const location = this.#lookUp(indexKey);
    return location && this.#packOf(location) && location;
  }

  /**
   * The raw payload of a record that was located: in `into`, where given, which must be just as long; otherwise the
   * caller's to keep. It is read twice before it counts as damaged: a retry clears what a bus or a cache did.
   *
   * @throws CastoreError `castore/corrupt-store`, `castore/io`
   */
  read(found: FoundRecord, into?: Uint8Array): Uint8Array {
    const { location } = found;
    const pack = this.#packOf(location);
    if (pack !== undefined) {
      const payload = into ?? payloadBuffer(location.rawLength);
      if (
        this.#readOnce(pack, found, payload) ||
        this.#readOnce(pack, found, payload)
      ) {
        if (into === undefined) countPassingBytes(payload.length);
        return payload;
      }
    }
    // It may have been moved since it was located.
    const now = this.#lookUp(Buffer.from(found.indexKey));
    if (now !== undefined && !isSamePlace(now, location))
      return this.read({ ...found, location: now }, into);
    this.#demote(found.indexKey);
    throw new CastoreError(
      'castore/corrupt-store',
      `the record at ${location.offset} in ${pack?.file ?? `pack ${location.pack}`} is damaged; storing the same content again brings it back`,
      { details: { pack: pack?.file, offset: location.offset } },
    );
  }

  /**
   * Fills `into` with the part of a located record that begins at `offset` and must lie inside of it, see
   * {@link PartReader}. False where it can't be checked by its key alone, or where it is compressed and the part isn't
   * the whole, which has to be decoded in any case.
   *
   * @throws CastoreError `castore/corrupt-store`, `castore/io`
   */
  readPart(found: FoundRecord, offset: number, into: Uint8Array): boolean {
    const { location, kind, key } = found;
    if (location.codec !== Codec.raw) {
      if (into.length < location.rawLength) return false;
      this.read(found, into);
      return true;
    }
    if (!isContentAddressed(kind) || key === undefined) return false;
    const pack = this.#packOf(location);
    const isSound =
      pack !== undefined &&
      this.#fromFile(pack, () =>
        this.#partReader.read(pack, location, key, offset, into),
      ) === true;
    if (!isSound) {
      const payload = this.read(found);
      into.set(payload.subarray(offset, offset + into.length));
    }
    return true;
  }

  /** The open file of the pack that holds a record, for another thread to read from: to be given back. */
  lend(
    location: RecordLocation,
  ): { readonly fd: number; readonly tag: number } | undefined {
    const pack = this.#packOf(location);
    const fd = pack && this.#fromFile(pack, () => this.#reader.lend(pack));
    return fd === undefined ? undefined : { fd, tag: pack!.tag };
  }

  /** Takes back a file that was lent. */
  giveBack(fd: number): void {
    this.#reader.giveBack(fd);
  }

  /** A record was stored again: what was known of its damage is over. */
  restored(indexKey: Uint8Array): void {
    if (this.#demoted.size > 0)
      this.#demoted.delete(Buffer.from(indexKey).toString('latin1'));
  }

  /** Lets go of a pack's file, so that its space comes back when it is removed. */
  forget(pack: Pack): void {
    this.#reader.forget(pack);
  }

  close(): void {
    this.#reader.close();
  }

  #lookUp(indexKey: Buffer): IndexedRecord | undefined {
    const { generation } = this.#parts.index;
    const last = this.#last;
    if (
      last !== undefined &&
      last.generation === generation &&
      compareBytes(last.indexKey, indexKey) === 0
    )
      return last.location;
    let location: IndexedRecord;
    try {
      const entry = this.#parts.index.get(indexKey);
      if (entry === undefined) return undefined;
      location = decodeIndexEntry(indexKey, entry);
    } catch (error) {
      // That says nothing of what it holds.
      if (error instanceof CastoreError && error.code === 'castore/io')
        throw error;
      this.#parts.onDamagedIndex();
      throw new CastoreError(
        'castore/corrupt-store',
        'the index is damaged; it is rebuilt from the packs when the store is opened next',
        { cause: error },
      );
    }
    if (generation !== undefined)
      this.#last = { generation, indexKey, location };
    return location;
  }

  /** What a pack's file gives; `undefined` where another process has taken it out of service. */
  #fromFile<T>(pack: Pack, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw ioFailure(`cannot read ${pack.file}`, error);
    }
  }

  /** Fills `into` with the payload; false where what lies there isn't the record. */
  #readOnce(pack: Pack, found: FoundRecord, into: Uint8Array): boolean {
    const { location, kind, key } = found;
    if (
      location.codec === Codec.raw &&
      isContentAddressed(kind) &&
      key !== undefined
    ) {
      // Its key says all that the header does, and more.
      const isRead = this.#fromFile(pack, () =>
        this.#reader.readPart(pack, location, 0, into),
      );
      return isRead === true && isNamed(into, key);
    }
    const record = this.#fromFile(pack, () =>
      this.#reader.read(pack, location),
    );
    if (record === undefined || record.header.kind !== kind) return false;
    if (key !== undefined && compareBytes(record.header.key, key) !== 0)
      return false;
    return (
      decodePayloadInto(this.#parts.zstd, record, into) &&
      (!isContentAddressed(kind) || isNamed(into, record.header.key))
    );
  }

  /** The pack, where it is known and long enough to hold the record: a put is trusted no further than that. */
  #packOf(location: RecordLocation): Pack | undefined {
    const pack = this.#packs.get(location.pack);
    if (holds(pack, location)) return pack;
    const { reloadPacks } = this.#parts;
    if (reloadPacks === undefined) return undefined;
    this.#packs = reloadPacks();
    const reloaded = this.#packs.get(location.pack);
    return holds(reloaded, location) ? reloaded : undefined;
  }

  #demote(indexKey: Uint8Array): void {
    const name = Buffer.from(indexKey).toString('latin1');
    if (this.#demoted.has(name)) return;
    this.#demoted.add(name);
    this.#parts.forget?.(indexKey).then(
      () => this.#demoted.delete(name),
      // A store that can't write remembers it for as long as it is open.
      () => {},
    );
  }
}

function isNamed(payload: Uint8Array, key: Uint8Array): boolean {
  return compareBytes(hashBytes(payload).bytes, key) === 0;
}

function holds(pack: Pack | undefined, location: RecordLocation): boolean {
  return pack !== undefined && payloadEnd(location) <= pack.availableLength;
}
