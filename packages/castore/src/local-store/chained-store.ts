import type { RawRecord } from './commit/prepare-records.ts';
import { WriteChain } from './commit/write-chain.ts';
import type { Submission } from './commit/submissions.ts';
import type { ContentKind, KeyedKind, LocalStore } from './local-store.ts';
import type { RecordStore } from './read/quiet-store.ts';
import type { RecordFiller } from './read/record-filler.ts';
import type { Table } from './tables/tables.ts';
import type { Lease } from './usage/leases.ts';

const SUBMITTED: Submission = { durable: Promise.resolve() };

/**
 * A store whose writes aren't waited for one by one: what is put here is let in, in its order, and {@link finish} waits
 * until all of it is durable. Whatever a crash or a full disk leaves is a beginning of what was put, so that a directory
 * which is there has its children. Reading shows what is durable.
 *
 * Whoever makes one finishes it: until then nothing that it put or found is collected.
 */
export class ChainedStore implements RecordStore {
  readonly format: LocalStore['format'];
  readonly #store: LocalStore;
  readonly #chain = new WriteChain();
  readonly #lease: Lease;

  constructor(store: LocalStore) {
    this.format = store.format;
    this.#store = store;
    this.#lease = store.lease();
  }

  has(kind: KeyedKind, key: Uint8Array): boolean {
    return this.#store.has(kind, key);
  }

  rawLength(kind: KeyedKind, key: Uint8Array): number | undefined {
    return this.#store.rawLength(kind, key);
  }

  read(kind: KeyedKind, key: Uint8Array): Uint8Array | undefined {
    return this.#store.read(kind, key);
  }

  readPart(
    kind: KeyedKind,
    key: Uint8Array,
    place: { readonly size: number; readonly offset: number },
    into: Uint8Array,
  ): boolean {
    return this.#store.readPart(kind, key, place, into);
  }

  readWhole(kind: KeyedKind, key: Uint8Array, into: Uint8Array): boolean {
    return this.#store.readWhole(kind, key, into);
  }

  openFiller(kind: ContentKind): RecordFiller | undefined {
    return this.#store.openFiller(kind);
  }

  /** Resolves when there is room for the records. Throws as {@link finish} where something before them was refused. */
  async put(records: readonly RawRecord[]): Promise<void> {
    await this.submit(records);
  }

  /** As `put`; whoever refers to the records may go on at once. */
  async submit(records: readonly RawRecord[]): Promise<Submission> {
    this.#lease.renew();
    await this.#store.submit(records, this.#chain);
    return SUBMITTED;
  }

  lease(): Lease {
    return this.#store.lease();
  }

  /** A table whose `put` resolves at once. Nobody else may set other values of the same keys meanwhile. */
  table(name: string): Pick<Table, 'get' | 'put'> {
    const table = this.#store.table(name, this.#chain);
    return {
      get: (key) => table.get(key),
      put: async (key, value) => this.#chain.track(table.put(key, value)),
    };
  }

  /**
   * A table whose `put` resolves once the value is durable, and so is all that was put before it. It can be used when
   * {@link finish} has answered, too.
   */
  durableTable(name: string): Pick<Table, 'get' | 'put'> {
    return this.#store.table(name, this.#chain);
  }

  /**
   * Resolves once all that was put is durable and visible. To be called once, also where the rest isn't going to be put.
   *
   * @throws CastoreError `castore/no-space`, `castore/store-failed`, `castore/closed`
   */
  async finish(): Promise<void> {
    try {
      await this.#chain.durable();
    } finally {
      this.#lease.release();
    }
  }
}
