import fs from 'node:fs';
import path from 'node:path';
import { hashBytes } from '../../digest/hasher.ts';
import { compareBytes } from '../../digest/bytes.ts';
import type { Zstd } from '../compression/zstd.ts';
import { decodePayload } from '../read/decode-payload.ts';
import { type FileSystem, readFully } from '../file-system.ts';
import {
  encodeIndexEntry,
  INDEX_ENTRY_BYTES,
  type RecordLocation,
} from '../index/index-entry.ts';
import type { PackEntry } from './pack-listing.ts';
import { decodePackHeader, PACK_HEADER_BYTES, packTag } from './pack-header.ts';
import { PackReader } from './pack-reader.ts';
import { listPack, type PackContents } from './pack-scan.ts';
import { type Pack, Packs } from './packs.ts';
import { RecordKind } from './record.ts';
import { Sequence } from '../tables/sequence.ts';
import {
  IndexSpace,
  type IndexWrite,
  recordIndexKey,
  type StoreIndex,
} from '../index/store-index.ts';
import {
  decodeTableEntry,
  decodeTableTail,
  encodeTableTail,
  tableIndexKey,
} from '../tables/table-entry.ts';

/** A pack file as it is found on disk. */
interface FoundPack {
  readonly file: string;
  readonly id: Uint8Array;
  /** `undefined` where its header is damaged. */
  readonly number: number | undefined;
  readonly storeId: Uint8Array | undefined;
  readonly length: number;
}

/** As many entries go into the index in one transaction. */
const COMMIT_ENTRIES = 20_000;

/** The pack files of a store but those that are known, oldest first; those with a damaged header come last. */
export function findPacks(
  files: FileSystem,
  packsDirectory: string,
  isKnown: (id: Uint8Array) => boolean,
): FoundPack[] {
  const found: FoundPack[] = [];
  if (!fs.existsSync(packsDirectory)) return found;
  for (const shard of fs.readdirSync(packsDirectory)) {
    if (!/^[0-9a-f]{2}$/.test(shard)) continue;
    const directory = path.join(packsDirectory, shard);
    for (const name of fs.readdirSync(directory)) {
      const match = /^([0-9a-f]{32})\.pack$/.exec(name);
      if (!match?.[1]?.startsWith(shard)) continue;
      // The name says it, too, where the header can't.
      const id = new Uint8Array(Buffer.from(match[1], 'hex'));
      if (!isKnown(id))
        found.push(inspect(files, path.join(directory, name), id));
    }
  }
  return found.sort((a, b) => (a.number ?? Infinity) - (b.number ?? Infinity));
}

/**
 * Enters packs into the index that it doesn't know: all of them where the index was lost, none in a sound store. What
 * a pack says of itself is enough.
 */
export class PackAdopter {
  readonly #files: FileSystem;
  readonly #index: StoreIndex;
  readonly #packs: Packs;
  readonly #zstd: Zstd;
  readonly #now: () => number;
  readonly #reader: PackReader;
  #writes: IndexWrite[] = [];
  /** Table entries that wait in `#writes`, by index key: their sequence numbers. */
  #pendingSequences = new Map<string, number>();
  #highestSequence = 0;

  /** The clock tells milliseconds since 1970. */
  constructor(
    files: FileSystem,
    index: StoreIndex,
    packs: Packs,
    zstd: Zstd,
    now: () => number,
  ) {
    this.#files = files;
    this.#index = index;
    this.#packs = packs;
    this.#zstd = zstd;
    this.#now = now;
    this.#reader = new PackReader(files);
  }

  async adopt(found: readonly FoundPack[]): Promise<void> {
    this.#highestSequence = Sequence.load(this.#index).last;
    try {
      for (const pack of found) await this.#adoptPack(pack);
    } finally {
      this.#reader.close();
    }
    if (found.length > 0) await this.#dropRemovals();
  }

  async #adoptPack(found: FoundPack): Promise<void> {
    const fd = this.#files.openSync(found.file, 'r');
    try {
      const contents = listPack(
        this.#files,
        fd,
        found.length,
        packTag(found.id),
      );
      if (contents.entryCount > 0) await this.#adoptContents(found, contents);
      // Begun, and never committed to; or so damaged that nothing in it can be told.
      else if (found.length <= PACK_HEADER_BYTES) fs.rmSync(found.file);
    } finally {
      this.#files.closeSync(fd);
    }
  }

  async #adoptContents(
    found: FoundPack,
    contents: PackContents,
  ): Promise<void> {
    const number =
      found.number === undefined || this.#packs.get(found.number) !== undefined
        ? this.#packs.nextNumber
        : found.number;
    const pack = this.#packs.add(number, found.id);
    pack.committedLength = pack.availableLength = contents.end;
    pack.isSealed = contents.isSealed;
    pack.recordCount = contents.entryCount;
    for (const part of contents.parts()) {
      for (const entry of part) {
        this.#enter(pack, entry);
        if (this.#writes.length >= COMMIT_ENTRIES) await this.#flush();
      }
    }
    // Last: a pack that the index names is one whose records are all in it.
    this.#writes.push(Packs.write(pack));
    await this.#flush();
  }

  #enter(pack: Pack, entry: PackEntry): void {
    const location = { pack: pack.number, ...entry };
    if (entry.kind === RecordKind.tableEntry) {
      this.#enterTableEntry(pack, entry, location);
      return;
    }
    // The tail of an open pack may hold a header whose payload never reached the disk.
    const checkAlways = true;
    if (
      !pack.isSealed &&
      this.#reader.read(pack, location, { checkAlways }) === undefined
    )
      return;
    this.#put(recordIndexKey(entry.kind, entry.key), location, undefined);
  }

  #enterTableEntry(
    pack: Pack,
    { key }: PackEntry,
    location: RecordLocation,
  ): void {
    const record = this.#reader.read(pack, location, { checkAlways: true });
    if (record === undefined) return;
    const payload = decodePayload(this.#zstd, record);
    if (
      payload === undefined ||
      compareBytes(hashBytes(payload).bytes, key) !== 0
    )
      return;
    const entry = decodeTableEntry(payload);
    if (entry.sequence > this.#highestSequence)
      this.#highestSequence = entry.sequence;
    const indexKey = tableIndexKey(entry.table, entry.key);
    if (this.#knownSequence(indexKey) > entry.sequence) return;
    this.#pendingSequences.set(indexKey.toString('latin1'), entry.sequence);
    this.#put(indexKey, location, encodeTableTail(entry));
  }

  #knownSequence(indexKey: Buffer): number {
    const pending = this.#pendingSequences.get(indexKey.toString('latin1'));
    if (pending !== undefined) return pending;
    const known = this.#index.get(indexKey);
    if (known === undefined) return -1;
    return decodeTableTail(known.subarray(INDEX_ENTRY_BYTES)).sequence;
  }

  #put(
    key: Buffer,
    location: RecordLocation,
    tail: Uint8Array | undefined,
  ): void {
    // When it was touched last isn't known: now is the answer that keeps it longest.
    const touched = Math.floor(this.#now() / 60_000);
    const value = encodeIndexEntry(key, location, touched, tail);
    this.#writes.push({ key, value });
  }

  async #flush(): Promise<void> {
    const writes = this.#writes;
    this.#writes = [];
    this.#pendingSequences.clear();
    writes.push(Sequence.write(this.#highestSequence));
    await this.#index.commit(writes);
  }

  /** Removals had to stay in the index while older values of their keys could still turn up. */
  async #dropRemovals(): Promise<void> {
    let start: Uint8Array = Buffer.of(IndexSpace.tables);
    for (;;) {
      const page = this.#index.range({
        start,
        end: Buffer.of(IndexSpace.tables + 1),
        limit: COMMIT_ENTRIES,
      });
      const writes = page
        .filter(
          ([, value]) =>
            decodeTableTail(value.subarray(INDEX_ENTRY_BYTES)).isRemoval,
        )
        .map(([key]) => ({ key, value: undefined }));
      if (writes.length > 0) await this.#index.commit(writes);
      const last = page.at(-1);
      if (last === undefined || page.length < COMMIT_ENTRIES) return;
      start = Buffer.concat([last[0], Buffer.of(0)]);
    }
  }
}

function inspect(files: FileSystem, file: string, id: Uint8Array): FoundPack {
  const fd = files.openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(PACK_HEADER_BYTES);
    const length = fs.fstatSync(fd).size;
    const header =
      readFully(files, fd, bytes, 0) === bytes.length
        ? decodePackHeader(bytes)
        : undefined;
    return {
      file,
      id,
      number: header?.number,
      storeId: header?.storeId,
      length,
    };
  } finally {
    files.closeSync(fd);
  }
}
