import { CastoreError } from '../errors.ts';
import { closeInTurn } from './close-in-turn.ts';
import { type FileSystem, nodeFileSystem } from './file-system.ts';
import type { IndexedRecord } from './index/index-entry.ts';
import { type Lease, Leases } from './usage/leases.ts';
import type { WriteChain } from './commit/write-chain.ts';
import type { RawRecord } from './commit/prepare-records.ts';
import type { Submission } from './commit/submissions.ts';
import type { Receipts } from './receipts/receipts.ts';
import { RecordFiller } from './read/record-filler.ts';
import { RecordReader } from './read/record-reader.ts';
import { RecordKind } from './packs/record.ts';
import { Sequence } from './tables/sequence.ts';
import type { StoreFormat } from './open/store-format.ts';
import { recordIndexKey, type StoreIndex } from './index/store-index.ts';
import { LocalTable, type Table, type TableWatcher } from './tables/tables.ts';
import { readOnlyFailure } from './store-failure.ts';
import type { StoreInterior, UseWatcher } from './store-interior.ts';
import type { StoreParts } from './store-parts.ts';
import { StoreWriting } from './store-writing.ts';
import type { StoreThreads } from './threads/store-threads.ts';

/** Kinds of records that are put and read by their key. */
export type KeyedKind =
  | typeof RecordKind.chunk
  | typeof RecordKind.recipe
  | typeof RecordKind.directory;

/** Those whose key is the BLAKE3 of their raw bytes. */
export type ContentKind = Exclude<KeyedKind, typeof RecordKind.recipe>;

/**
 * The embedded engine: records by kind and 32-byte key in append-only packs, an index that leads to them, and named
 * tables. It knows bytes and keys only. See `docs/design/0002-local-engine.md`.
 *
 * What was acknowledged is on disk. What is read was checked.
 */
export class LocalStore implements AsyncDisposable {
  readonly directory: string;
  readonly format: StoreFormat;
  /** For the functions in this folder that take care of a store. */
  readonly interior: StoreInterior;
  readonly #index: StoreIndex;
  readonly #files: FileSystem;
  readonly #threads: StoreThreads;
  readonly #records: RecordReader;
  readonly #writing: StoreWriting | undefined;
  readonly #sequence: Sequence;
  readonly #leases: Leases;
  #watcher: UseWatcher | undefined;
  readonly #tableWatchers = new Set<TableWatcher>();
  #closing: Promise<void> | undefined;

  constructor(parts: StoreParts) {
    this.directory = parts.directory;
    this.format = parts.format;
    this.#index = parts.index;
    this.#files = parts.files;
    this.#threads = parts.threads;
    this.#sequence = Sequence.load(parts.index);
    const writing =
      parts.writing &&
      new StoreWriting(parts, parts.writing, {
        isStored: (record, indexKey) =>
          this.#use(record.kind, record.key, indexKey) !== undefined,
        onStored: (indexKey) => this.#records.restored(indexKey),
      });
    this.#writing = writing;
    this.#records = new RecordReader({
      ...parts,
      forget: writing && ((indexKey) => writing.forget(indexKey)),
      onDamagedIndex: () => writing?.markForRebuild(),
    });
    this.#leases = new Leases(parts.now);
    const readers: StoreInterior['readers'] = new Set([this.#records]);
    this.interior = {
      files: parts.files,
      index: parts.index,
      packs: parts.packs,
      zstd: parts.zstd,
      now: parts.now,
      readers,
      writing: writing && {
        queue: writing.queue,
        reserve: writing.reserve,
        touches: writing.touches,
        leases: this.#leases,
        forgetPack(pack) {
          for (const reader of readers) reader.forget(pack);
        },
        watch: (watcher) => {
          this.#watcher = watcher;
        },
      },
    };
  }

  /** Whether writes are refused with `castore/store-read-only`. */
  get isReadOnly(): boolean {
    return this.#writing === undefined;
  }

  /** Tell later whether all is still there; `undefined` where the store is open for reading alone. */
  get receipts(): Receipts | undefined {
    return this.#writing?.receipts;
  }

  /** Whether a record is stored durably. */
  has(kind: KeyedKind, key: Uint8Array): boolean {
    return this.rawLength(kind, key) !== undefined;
  }

  /** The raw length of a stored record; `undefined` where it isn't stored. */
  rawLength(kind: KeyedKind, key: Uint8Array): number | undefined {
    this.#assertOpen();
    return this.#use(kind, key, recordIndexKey(kind, key))?.rawLength;
  }

  /**
   * The raw bytes of a record, the caller's to keep; `undefined` where it isn't stored. Content-addressed kinds are
   * checked against their key. A damaged record is read twice, then demoted: it counts as not stored from then on, so
   * that a put brings it back.
   *
   * @throws CastoreError `castore/corrupt-store` where it is damaged, `castore/io`, `castore/closed`
   */
  read(kind: KeyedKind, key: Uint8Array): Uint8Array | undefined {
    this.#assertOpen();
    const indexKey = recordIndexKey(kind, key);
    const location = this.#use(kind, key, indexKey);
    if (location === undefined) return undefined;
    return this.#records.read({ location, indexKey, kind, key });
  }

  /**
   * Fills `into` with the part of a record's raw bytes that begins at an offset. False where no record of that size is
   * stored, the part reaches beyond its end, or it is compressed and more than the part. One that is stored as it is is
   * checked as a whole when a part of it is first read where it lies; after that the part alone is read.
   *
   * @throws CastoreError as {@link LocalStore.read} does
   */
  readPart(
    kind: KeyedKind,
    key: Uint8Array,
    { size, offset }: { readonly size: number; readonly offset: number },
    into: Uint8Array,
  ): boolean {
    this.#assertOpen();
    const indexKey = recordIndexKey(kind, key);
    const location = this.#use(kind, key, indexKey);
    if (location?.rawLength !== size || offset + into.length > size)
      return false;
    const found = { location, indexKey, kind, key };
    return this.#records.readPart(found, offset, into);
  }

  /**
   * Fills `into` with the raw bytes of a record, checked as {@link LocalStore.read} does. False where none of that length
   * is stored.
   *
   * @throws CastoreError as {@link LocalStore.read} does
   */
  readWhole(kind: KeyedKind, key: Uint8Array, into: Uint8Array): boolean {
    this.#assertOpen();
    const indexKey = recordIndexKey(kind, key);
    const location = this.#use(kind, key, indexKey);
    if (location?.rawLength !== into.length) return false;
    this.#records.read({ location, indexKey, kind, key }, into);
    return true;
  }

  /**
   * Reads records to places in shared memory, in other threads; `undefined` where there are none, or they would read past
   * the file system that was given.
   */
  openFiller(kind: ContentKind): RecordFiller | undefined {
    if (this.#threads.isEmpty || this.#files !== nodeFileSystem)
      return undefined;
    return new RecordFiller({
      use: (key) => {
        this.#assertOpen();
        return this.#use(kind, key, recordIndexKey(kind, key));
      },
      reader: this.#records,
      threads: this.#threads,
    });
  }

  /**
   * When a record was last stored or asked for, in milliseconds since 1970, at most half an hour early; `undefined` where
   * it isn't stored. Asking for this isn't use.
   */
  usedMs(kind: KeyedKind, key: Uint8Array): number | undefined {
    const location = this.peek(kind, key);
    return location && location.touched * 60_000;
  }

  /** Where a record lies; `undefined` where it isn't stored. Asking isn't use. */
  peek(kind: KeyedKind, key: Uint8Array): IndexedRecord | undefined {
    this.#assertOpen();
    return this.#records.locate(recordIndexKey(kind, key));
  }

  /** Keeps what is stored and found from now on from being collected, until it is released. */
  lease(): Lease {
    return this.#leases.take();
  }

  /**
   * Stores records, those that are stored already left out. Resolves once all are durable.
   *
   * @throws CastoreError `castore/no-space`, `castore/store-failed`, `castore/store-read-only`, `castore/closed`
   */
  async put(records: readonly RawRecord[]): Promise<void> {
    const { durable } = await this.submit(records);
    await durable;
  }

  /**
   * As `put`, but resolves as soon as there is room for the records on their way; their bytes aren't kept. What must
   * come after them waits for `durable`, or is submitted behind them in the same chain.
   */
  async submit(
    records: readonly RawRecord[],
    chain?: WriteChain,
  ): Promise<Submission> {
    return this.#writable().submissions.submit(records, chain);
  }

  /**
   * The table of a name: 1 to 32 of a to z, 0 to 9 and "-". It needs no creation. Where it is of a chain, what is set
   * takes effect behind what was submitted to that before.
   */
  table(name: string, chain?: WriteChain): Table {
    return new LocalTable(
      {
        index: () => {
          this.#assertOpen();
          return this.#index;
        },
        sequence: this.#sequence,
        watchers: this.#tableWatchers,
        readPayload: (location, indexKey) =>
          this.#records.read({
            location,
            indexKey,
            kind: RecordKind.tableEntry,
          }),
        submit: async (records, bytes) =>
          this.#writable().addEntries(records, bytes, this.#sequence, chain),
      },
      name,
    );
  }

  /**
   * Calls back for each value that is put into a table, when it is submitted and before it takes effect. The function that
   * this answers with ends it.
   */
  onTablePut(
    name: string,
    hear: (key: Uint8Array, value: Uint8Array) => void,
  ): () => void {
    const watcher: TableWatcher = (table, changes) => {
      if (table !== name) return;
      for (const { key, value } of changes)
        if (value !== undefined) hear(key, value);
    };
    this.#tableWatchers.add(watcher);
    return () => void this.#tableWatchers.delete(watcher);
  }

  /** Finishes what was submitted, then lets go of everything, though some of it fails. A second call does nothing more. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await this.#writing?.settled();
    await closeInTurn([
      () => this.#writing?.queue.close(),
      () => this.#threads.close(),
      () => this.#records.close(),
      () => this.#index.close(),
      // Last: whoever opens the store next must find it left.
      () => this.#writing?.releaseLock(),
    ]);
  }

  /** Where a record lies for somebody who wants it: it counts as used from now on. */
  #use(
    kind: RecordKind,
    key: Uint8Array,
    indexKey: Buffer,
  ): IndexedRecord | undefined {
    const location = this.#records.locate(indexKey);
    if (location === undefined) return undefined;
    if (this.#watcher?.use(kind, key, location.touched) === false)
      return undefined;
    this.#writing?.touches.note(indexKey, location.touched);
    return location;
  }

  #writable(): StoreWriting {
    this.#assertOpen();
    const writing = this.#writing;
    if (writing === undefined) {
      throw readOnlyFailure(this.directory);
    }
    if (writing.queue.failure !== undefined) throw writing.queue.failure;
    return writing;
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) {
      throw new CastoreError(
        'castore/closed',
        `the store ${this.directory} is closed`,
      );
    }
  }
}
