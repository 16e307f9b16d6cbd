import { recordIndexKey } from '../index/store-index.ts';
import type { Compressor } from '../compression/compressor.ts';
import type { Touches } from '../usage/touches.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { CommitQueue } from './commit-queue.ts';
import {
  type PreparedGroup,
  prepareRecords,
  type RawRecord,
} from './prepare-records.ts';
import { SlabPool } from './slab-pool.ts';
import type { WriteChain } from './write-chain.ts';

/** A write that was let in. */
export interface Submission {
  /** Resolves once everything is durable and visible. Rejects as a put does; it must be awaited. */
  readonly durable: Promise<unknown>;
}

/** What submissions need of their store. */
export interface SubmissionStore {
  readonly queue: CommitQueue;
  readonly compressor: Compressor;
  /** Bounds the bytes on their way. */
  readonly budget: ByteBudget;
  readonly touches: Touches;
  /** Whether a record is there already; it counts as used from now on. */
  readonly isStored: (record: RawRecord, indexKey: Buffer) => boolean;
  /** Hears of each record that is durable now. */
  readonly onStored: (indexKey: Buffer) => void;
}

/** A record on its way. */
interface PendingRecord {
  readonly durable: Promise<unknown>;
  readonly chain: WriteChain | undefined;
}

/** Records from whoever puts them to the commit queue: those that are there or on their way are left out. */
export class Submissions {
  readonly #store: SubmissionStore;
  readonly #slabs = new SlabPool();
  /** Records on their way to the disk, by index key. */
  readonly #pending = new Map<string, PendingRecord>();

  constructor(store: SubmissionStore) {
    this.#store = store;
  }

  /** See `LocalStore.submit`. */
  async submit(
    records: readonly RawRecord[],
    chain: WriteChain | undefined,
  ): Promise<Submission> {
    const { budget, touches } = this.#store;
    if (chain?.refusal !== undefined) throw chain.refusal.error;
    const joined: Promise<unknown>[] = [];
    const ofOthers: Promise<unknown>[] = [];
    const fresh: RawRecord[] = [];
    const names: string[] = [];
    let settle: (outcome: Promise<void>) => void = () => {};
    const own = new Promise<void>((resolve) => (settle = resolve));
    let bytes = 0;
    let known = 0;
    for (const record of records) {
      const indexKey = recordIndexKey(record.kind, record.key);
      const name = indexKey.toString('latin1');
      const pending = this.#pending.get(name);
      if (pending !== undefined) {
        if (pending.durable === own) continue;
        joined.push(pending.durable);
        if (chain !== undefined && pending.chain !== chain)
          ofOthers.push(pending.durable);
      } else if (!this.#isStored(record, indexKey, names)) {
        this.#pending.set(name, { durable: own, chain });
        fresh.push(record);
        names.push(name);
        bytes += record.bytes.length;
      } else known += 1;
    }
    // What is there already must not be taken for garbage after this was acknowledged.
    if (known > 0) joined.push(touches.flush());
    // Who waits holds room only for what was let in before it, so that nobody waits for who is behind.
    if (fresh.length > 0 || ofOthers.length > 0) await budget.take(bytes);
    chain?.restOn(ofOthers);
    if (fresh.length > 0) {
      settle(
        this.#commit(fresh, chain).finally(() => {
          for (const name of names) this.#pending.delete(name);
          budget.release(bytes);
        }),
      );
      joined.push(own);
    }
    const durable = Promise.all(joined);
    // Whoever only wanted the room may look at the outcome late.
    durable.catch(() => {});
    chain?.track(durable);
    return { durable };
  }

  /** Resolves when nothing that was submitted is on its way any more, whatever became of it. */
  async settled(): Promise<void> {
    await Promise.allSettled(
      Array.from(this.#pending.values(), ({ durable }) => durable),
    );
  }

  /** Where it can't be told, those of the call that were to be stored aren't on their way: nobody may wait for them. */
  #isStored(
    record: RawRecord,
    indexKey: Buffer,
    names: readonly string[],
  ): boolean {
    try {
      return this.#store.isStored(record, indexKey);
    } catch (error) {
      for (const name of names) this.#pending.delete(name);
      throw error;
    }
  }

  async #commit(
    records: readonly RawRecord[],
    chain: WriteChain | undefined,
  ): Promise<void> {
    const { queue, compressor, onStored } = this.#store;
    const groups = prepareRecords(compressor, this.#slabs, records);
    const add = async ({ records, slab }: PreparedGroup): Promise<void> => {
      const queued = records.map((record) => ({
        record,
        indexKey: recordIndexKey(record.kind, record.key),
      }));
      await queue.add(queued, [], chain);
      for (const { indexKey } of queued) onStored(indexKey);
      this.#slabs.give(slab);
    };
    const outcomes = await Promise.allSettled(
      groups.map(async (group) => {
        if (group instanceof Promise) queue.expect(group);
        await (chain === undefined
          ? add(group instanceof Promise ? await group : group)
          : chain.inTurn(group, add));
      }),
    );
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') throw outcome.reason;
  }
}
