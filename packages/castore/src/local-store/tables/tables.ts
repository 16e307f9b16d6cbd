import { TimeSlice, yieldToLoop } from '../../blob-service/time-slice.ts';
import { CastoreError } from '../../errors.ts';
import { compareBytes } from '../../digest/bytes.ts';
import { hashBytes } from '../../digest/hasher.ts';
import type { QueuedRecord } from '../commit/commit-queue.ts';
import {
  decodeIndexEntry,
  INDEX_ENTRY_BYTES,
  type RecordLocation,
} from '../index/index-entry.ts';
import { prepareUncompressed } from '../commit/prepare-records.ts';
import { RecordKind } from '../packs/record.ts';
import type { Sequence } from './sequence.ts';
import type { StoreIndex } from '../index/store-index.ts';
import {
  decodeTableEntry,
  decodeTableTail,
  encodeTableEntry,
  encodeTableTail,
  MAX_TABLE_KEY_BYTES,
  tableIndexKey,
  tablePrefix,
} from './table-entry.ts';

/** One change of a batch: a value to set, or `undefined` to remove the key. */
export interface TableChange {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** Which entries an iteration takes, in bytewise order of their keys. */
export interface TableRange {
  /** Only keys behind this one. */
  readonly after?: Uint8Array;
  /** Only keys that begin with this. */
  readonly prefix?: Uint8Array;
}

/**
 * A named map from keys to values, durable and ordered, for whatever must be found by something else than the digest
 * of its contents.
 *
 * Keys are 1 to 1024 bytes. Values are kept in the packs, so that they outlive the index.
 */
export interface Table {
  /**
   * The value, the caller's to keep; `undefined` where the key has none.
   *
   * @throws CastoreError `castore/corrupt-store`, `castore/io`, `castore/closed`
   */
  get(key: Uint8Array): Uint8Array | undefined;

  /** When the value was set, in milliseconds since 1970, to the minute; `undefined` where the key has none. */
  writtenMs(key: Uint8Array): number | undefined;

  /** Sets one value, durably before it resolves. Of two overlapping calls for one key the later one wins. */
  put(key: Uint8Array, value: Uint8Array): Promise<void>;

  /** Removes one key, durably before it resolves. Answers whether it was there. */
  delete(key: Uint8Array): Promise<boolean>;

  /** Applies all changes or none. */
  batch(changes: readonly TableChange[]): Promise<void>;

  /** Entries in order of their keys. What changes meanwhile may or may not show. */
  entries(
    range?: TableRange,
  ): AsyncIterable<readonly [key: Uint8Array, value: Uint8Array]>;
}

/** Hears of changes of a table when they are submitted, before they take effect. */
export type TableWatcher = (
  table: string,
  changes: readonly TableChange[],
) => void;

/** What a table needs of its store. */
export interface TableStore {
  /** The index of a store that is open. Throws `castore/closed` otherwise. */
  index(): StoreIndex;
  readonly sequence: Sequence;
  readonly watchers: ReadonlySet<TableWatcher>;
  /** The raw payload at a location, checked against the key of its record, and demoted where it is damaged. */
  readPayload(location: RecordLocation, indexKey: Uint8Array): Uint8Array;
  /** Makes records durable, with the last number that the sequence gave. */
  submit(records: readonly QueuedRecord[], bytes: number): Promise<void>;
}

const PAGE_ENTRIES = 1000;

/** A table of a local store. */
export class LocalTable implements Table {
  readonly #store: TableStore;
  readonly #name: string;
  readonly #prefix: Buffer;

  constructor(store: TableStore, name: string) {
    if (!/^[a-z0-9-]{1,32}$/.test(name)) {
      throw new RangeError(
        `a table is named by 1 to 32 of a-z, 0-9 and "-", found ${JSON.stringify(name)}`,
      );
    }
    this.#store = store;
    this.#name = name;
    this.#prefix = tablePrefix(name);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const indexKey = this.#indexKey(key);
    const entry = this.#store.index().get(indexKey);
    return entry && this.#value(indexKey, entry);
  }

  writtenMs(key: Uint8Array): number | undefined {
    const indexKey = this.#indexKey(key);
    const entry = this.#store.index().get(indexKey);
    return entry && decodeIndexEntry(indexKey, entry).touched * 60_000;
  }

  put(key: Uint8Array, value: Uint8Array): Promise<void> {
    return this.batch([{ key, value }]);
  }

  async delete(key: Uint8Array): Promise<boolean> {
    if (this.get(key) === undefined) return false;
    await this.batch([{ key, value: undefined }]);
    return true;
  }

  async batch(changes: readonly TableChange[]): Promise<void> {
    if (changes.length === 0) return;
    const { sequence } = this.#store;
    let bytes = 0;
    const records = changes.map(({ key, value }): QueuedRecord => {
      if (key.length === 0 || key.length > MAX_TABLE_KEY_BYTES) {
        throw new RangeError(
          `the key of a table has 1 to ${MAX_TABLE_KEY_BYTES} bytes, found ${key.length}`,
        );
      }
      const entry = {
        table: this.#name,
        key,
        sequence: sequence.next(),
        value,
      };
      const payload = encodeTableEntry(entry);
      bytes += payload.length;
      return {
        record: prepareUncompressed({
          kind: RecordKind.tableEntry,
          key: hashBytes(payload).bytes,
          bytes: payload,
        }),
        indexKey: this.#indexKey(key),
        tail: encodeTableTail(entry),
        isRemoval: value === undefined,
      };
    });
    for (const watcher of this.#store.watchers) watcher(this.#name, changes);
    await this.#store.submit(records, bytes);
  }

  async *entries(
    range: TableRange = {},
  ): AsyncGenerator<readonly [Uint8Array, Uint8Array]> {
    const first = Buffer.concat([
      this.#prefix,
      range.prefix ?? new Uint8Array(0),
    ]);
    const end = successor(first);
    let start: Buffer = first;
    if (range.after !== undefined) {
      const after = justBehind(Buffer.concat([this.#prefix, range.after]));
      if (compareBytes(after, start) > 0) start = after;
    }
    const slice = new TimeSlice();
    while (compareBytes(start, end) < 0) {
      const page = this.#store
        .index()
        .range({ start, end, limit: PAGE_ENTRIES });
      for (const [indexKey, entry] of page) {
        const value = this.#value(indexKey, entry);
        if (value === undefined) continue;
        if (slice.isOver()) {
          await yieldToLoop();
          slice.restart();
        }
        yield [
          new Uint8Array(indexKey.subarray(this.#prefix.length)),
          value,
        ] as const;
      }
      if (page.length < PAGE_ENTRIES) return;
      start = justBehind(page.at(-1)![0]);
    }
  }

  #indexKey(key: Uint8Array): Buffer {
    return Buffer.concat([this.#prefix, key]);
  }

  #value(indexKey: Buffer, entry: Buffer): Uint8Array | undefined {
    const location = decodeIndexEntry(indexKey, entry);
    const tail = decodeTableTail(entry.subarray(INDEX_ENTRY_BYTES));
    if (tail.isRemoval) return undefined;
    if (tail.value !== undefined) return tail.value;
    const payload = this.#store.readPayload(location, indexKey);
    const found = decodeTableEntry(payload);
    if (
      found.value === undefined ||
      compareBytes(tableIndexKey(found.table, found.key), indexKey) !== 0
    ) {
      throw new CastoreError(
        'castore/corrupt-store',
        `an entry of table ${this.#name} leads to the record of another`,
      );
    }
    return found.value;
  }
}

/** The least key that is greater. */
function justBehind(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.of(0)]);
}

/** The least key that is greater than all that begin with the prefix. The prefix begins with a low byte. */
function successor(prefix: Buffer): Buffer {
  let length = prefix.length;
  while (prefix[length - 1] === 0xff) length -= 1;
  const end = Buffer.from(prefix.subarray(0, length));
  end[length - 1]! += 1;
  return end;
}
