import {
  decodeIndexEntry,
  encodeIndexEntry,
  INDEX_ENTRY_BYTES,
  isSamePlace,
} from '../index/index-entry.ts';
import type { LocalStore } from '../local-store.ts';
import type { Pack } from '../packs/packs.ts';
import { RecordKind, recordSpan } from '../packs/record.ts';
import type { IndexWrite } from '../index/store-index.ts';
import { type CopiedRecord, CopiedRecords } from './copied-records.ts';
import { type LiveRecord, readLiveRecords } from './live-records.ts';
import type { Removals } from './removals.ts';
import { Slab } from './slab.ts';

/** So much is read before it is appended to another pack. */
const BATCH_BYTES = 2 * 1024 * 1024;

/** As many entries of the index change in one transaction. */
const SETTLED_AT_ONCE = 4000;

/**
 * Empties packs: {@link RecordMover.copy} appends what is needed of one to the open pack, as it is, and
 * {@link RecordMover.settle} lets the index lead to the copies, in its own order: in that of the packs each transaction
 * would write most of the index anew. Cut off in between, the copies are garbage.
 */
export class RecordMover {
  readonly #store: LocalStore;
  readonly #removals: Removals;
  /** One is filled while the other is written. */
  readonly #slabs = [new Slab(BATCH_BYTES), new Slab(BATCH_BYTES)] as const;
  readonly #copies = new CopiedRecords();
  #tableCopies: CopiedRecord[] = [];
  #moved = new Map<number, number>();

  constructor(store: LocalStore, removals: Removals) {
    this.#store = store;
    this.#removals = removals;
  }

  /**
   * Copies the records of a sealed pack that the index leads to, with the removals that are still needed. A damaged
   * record stays where it is. Answers with the bytes that were copied.
   *
   * @throws CastoreError `castore/no-space`, `castore/store-failed`, `castore/io`
   */
  async copy(pack: Pack): Promise<number> {
    let copied = 0;
    let writing: Promise<void> = Promise.resolve();
    try {
      const live = readLiveRecords(
        this.#store,
        pack,
        this.#removals,
        this.#slabs,
      );
      for await (const batch of live) {
        await writing;
        writing = this.#write(batch);
        // It is awaited once the next batch was read.
        writing.catch(() => {});
        for (const { record } of batch)
          copied += recordSpan(record.payload.length);
      }
    } finally {
      await writing;
    }
    return copied;
  }

  /**
   * Lets the index lead to the copies of what it still finds where it was copied from. Answers with how many records
   * left each pack, by its number.
   *
   * @throws CastoreError `castore/no-space`, `castore/store-failed`
   */
  async settle(): Promise<ReadonlyMap<number, number>> {
    await this.#settleTables();
    let group: CopiedRecord[] = [];
    for (const copy of this.#copies.inOrder()) {
      group.push(copy);
      if (group.length < SETTLED_AT_ONCE) continue;
      await this.#leadTo(group);
      group = [];
    }
    await this.#leadTo(group);
    const moved = this.#moved;
    this.#copies.clear();
    this.#moved = new Map();
    return moved;
  }

  async #write(batch: readonly LiveRecord[]): Promise<void> {
    const places: CopiedRecord['to'][] = [];
    const onPlaced = (to: CopiedRecord['to']): void => void places.push(to);
    await this.#store.interior.writing!.queue.add(
      batch.map(({ record }) => ({ record, indexKey: undefined, onPlaced })),
    );
    for (const [i, { indexKey, from, record }] of batch.entries()) {
      if (indexKey === undefined) continue;
      const copy = { indexKey, from, to: places[i]! };
      if (record.kind === RecordKind.tableEntry) this.#tableCopies.push(copy);
      else this.#copies.add(copy);
    }
    // Their keys are of any length, and aren't kept packed.
    if (this.#tableCopies.length >= SETTLED_AT_ONCE) await this.#settleTables();
  }

  async #settleTables(): Promise<void> {
    const copies = this.#tableCopies;
    this.#tableCopies = [];
    for (let at = 0; at < copies.length; at += SETTLED_AT_ONCE)
      await this.#leadTo(copies.slice(at, at + SETTLED_AT_ONCE));
  }

  async #leadTo(copies: readonly CopiedRecord[]): Promise<void> {
    if (copies.length === 0) return;
    const { index, writing } = this.#store.interior;
    let moved: CopiedRecord[] = [];
    await writing!.queue.amend(() => {
      const writes: IndexWrite[] = [];
      moved = [];
      for (const copy of copies) {
        const { indexKey, from, to } = copy;
        const known = index.get(indexKey);
        if (known === undefined) continue;
        const location = decodeIndexEntry(indexKey, known);
        // It was stored anew, or is gone.
        if (!isSamePlace(location, from)) continue;
        moved.push(copy);
        const tail = known.subarray(INDEX_ENTRY_BYTES);
        const value = encodeIndexEntry(indexKey, to, location.touched, tail);
        writes.push({ key: indexKey, value });
      }
      return writes;
    });
    for (const { from } of moved)
      this.#moved.set(from.pack, (this.#moved.get(from.pack) ?? 0) + 1);
  }
}
