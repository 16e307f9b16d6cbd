import fs from 'node:fs';
import type { CastoreError } from '../../errors.ts';
import type { FileSystem } from '../file-system.ts';
import { encodeIndexEntry, type RecordLocation } from '../index/index-entry.ts';
import { Packs } from '../packs/packs.ts';
import { type PreparedRecord, PackWriter } from '../packs/pack-writer.ts';
import { recordSpan } from '../packs/record.ts';
import type { WriteChain } from './write-chain.ts';
import { isTransient, storeFailed, writeRefused } from '../store-failure.ts';
import type { IndexWrite, StoreIndex } from '../index/store-index.ts';

/** A record, and the index key that will lead to it. */
export interface QueuedRecord {
  readonly record: PreparedRecord;
  /** `undefined` where nothing leads to it yet: a copy, or a removal that is carried along. */
  readonly indexKey: Uint8Array | undefined;
  /** What the index keeps beside the location. */
  readonly tail?: Uint8Array | undefined;
  /** The record says that the key is gone: the index forgets it. */
  readonly isRemoval?: boolean | undefined;
  /** Hears where it lies; that counts when the call that added it resolves. */
  readonly onPlaced?: (location: RecordLocation) => void;
}

/** Changes of the index that are decided when their turn has come, by what it holds then. */
export type Amendment = () => readonly IndexWrite[];

/** What the queue writes to. */
export interface CommitTarget {
  readonly files: FileSystem;
  readonly index: StoreIndex;
  readonly packs: Packs;
  readonly storeId: Uint8Array;
  /** A pack that reaches this length is sealed. */
  readonly packTargetBytes: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

interface Group {
  readonly records: readonly QueuedRecord[];
  /** Changes of the index alone. */
  readonly writes: readonly IndexWrite[];
  /** Takes a round for itself, so that what it finds in the index is all there is. */
  readonly amendment: Amendment | undefined;
  readonly isAlone: boolean;
  readonly sealsPack: boolean;
  /** Isn't written where something before it in the chain couldn't be. */
  readonly chain: WriteChain | undefined;
  readonly bytes: number;
  /** Of its records before they were compressed. */
  readonly rawBytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** One round writes about as much as this, so that a long queue doesn't make a long wait. */
const ROUND_BYTES = 16 * 1024 * 1024;

/**
 * So much, before compression, is worth a round: it is written and synced while what is coming goes on being compressed.
 * A quarter of what may be on its way, so that neither waits for the other.
 */
const WORTHWHILE_BYTES = 4 * 1024 * 1024;

/**
 * Makes records durable, a round at a time: append to the pack, sync it, one transaction of the index, answer. What
 * arrives meanwhile waits and joins the next round, so that one sync serves many.
 *
 * A full disk, or one that is read-only for now, takes back the round and refuses it. Any other failure ends all writing until the store is reopened.
 */
export class CommitQueue {
  readonly #target: CommitTarget;
  #writer: PackWriter | undefined;
  #waiting: Group[] = [];
  #waitingRawBytes = 0;
  /** Called when enough waits for a round. */
  #onWorthwhile: () => void = () => {};
  /** Records that are still being prepared. */
  readonly #coming = new Set<Promise<void>>();
  #running: Promise<void> | undefined;
  #failure: CastoreError | undefined;

  constructor(target: CommitTarget, writer: PackWriter | undefined) {
    this.#target = target;
    this.#writer = writer;
  }

  /** Why nothing is written any more; `undefined` while all is well. */
  get failure(): CastoreError | undefined {
    return this.#failure;
  }

  /**
   * Resolves once all records are durable and the index leads to them; all of a call or none. Calls take effect in their
   * order; of a chain, none behind one that was refused, which is refused likewise.
   *
   * @throws CastoreError `castore/no-space`, `castore/store-failed`
   */
  add(
    records: readonly QueuedRecord[],
    writes: readonly IndexWrite[] = [],
    chain?: WriteChain,
  ): Promise<void> {
    return this.#enqueue({ records, writes, chain });
  }

  /**
   * Tells of records that will be added as soon as they are prepared: a round that is about to start with little waits
   * for them, since each costs two syncs, and copies of half the pages of the index.
   */
  expect(preparation: Promise<unknown>): void {
    const coming = preparation
      .then(
        () => {},
        () => {},
      )
      .then(() => void this.#coming.delete(coming));
    this.#coming.add(coming);
  }

  /** Changes the index by what it holds when every write before this one is in it. */
  amend(amendment: Amendment): Promise<void> {
    return this.#enqueue({ amendment, isAlone: true });
  }

  /** Adds nothing more to the pack that is open now, for it is about to be rewritten. */
  sealPack(): Promise<void> {
    return this.#enqueue({ isAlone: true, sealsPack: true });
  }

  /** Resolves when nothing waits any more, and lets go of the pack. */
  async close(): Promise<void> {
    await this.#running;
    this.#writer?.close();
    this.#writer = undefined;
  }

  #enqueue(group: Partial<Group>): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      let bytes = 0;
      let rawBytes = 0;
      for (const { record } of group.records ?? []) {
        bytes += recordSpan(record.payload.length);
        rawBytes += record.rawLength;
      }
      this.#waiting.push({
        records: [],
        writes: [],
        amendment: undefined,
        isAlone: false,
        sealsPack: false,
        chain: undefined,
        ...group,
        bytes,
        rawBytes,
        resolve,
        reject,
      });
      this.#waitingRawBytes += rawBytes;
      if (this.#waitingRawBytes >= WORTHWHILE_BYTES) this.#onWorthwhile();
      this.#running ??= this.#run();
    });
  }

  async #run(): Promise<void> {
    // A turn of grace: what is added in the same turn shares the first round.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      await this.#worthwhile();
      const groups = this.#takeRound();
      if (groups.length === 0) continue;
      try {
        if (this.#failure !== undefined) throw this.#failure;
        await this.#commit(groups);
        for (const group of groups) group.resolve();
        await this.#sealIfFull();
      } catch (error) {
        const refusal = await this.#recover(error);
        for (const group of groups) {
          group.chain?.refuse(refusal);
          group.reject(refusal);
        }
      }
    }
    this.#running = undefined;
  }

  /** Resolves when enough waits for a round, or everything does that was coming when it was called. */
  #worthwhile(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#waitingRawBytes >= WORTHWHILE_BYTES) return resolve();
      this.#onWorthwhile = resolve;
      void Promise.all(this.#coming).then(() => resolve());
    });
  }

  #takeRound(): Group[] {
    let count = 0;
    let bytes = 0;
    while (count < this.#waiting.length && bytes < ROUND_BYTES) {
      const { isAlone } = this.#waiting[count]!;
      if (isAlone && count > 0) break;
      bytes += this.#waiting[count]!.bytes;
      count += 1;
      if (isAlone) break;
    }
    const taken = this.#waiting.splice(0, count);
    for (const { rawBytes } of taken) this.#waitingRawBytes -= rawBytes;
    return taken.filter(isWritten);
  }

  async #commit(groups: readonly Group[]): Promise<void> {
    const queued: QueuedRecord[] = [];
    const writes: IndexWrite[] = [];
    for (const group of groups) {
      if (group.sealsPack) return this.#sealOpenPack();
      for (const record of group.records) queued.push(record);
      for (const write of group.writes) writes.push(write);
      for (const write of group.amendment?.() ?? []) writes.push(write);
    }
    if (queued.length === 0) {
      if (writes.length > 0) await this.#target.index.commit(writes);
      return;
    }

    const { index } = this.#target;
    this.#writer ??= await this.#startPack();
    const writer = this.#writer;
    const { pack } = writer;
    const offsets = await writer.append(queued.map(({ record }) => record));
    // The index may lead to the new records before it answers that the commit is done.
    pack.availableLength = writer.length;
    const now = Math.floor(this.#target.now() / 60_000);
    for (const [i, item] of queued.entries()) {
      const { record, indexKey } = item;
      const location: RecordLocation = {
        pack: pack.number,
        offset: offsets[i]!,
        codec: record.codec,
        storedLength: record.payload.length,
        rawLength: record.rawLength,
      };
      item.onPlaced?.(location);
      if (indexKey === undefined) continue;
      const value = item.isRemoval
        ? undefined
        : encodeIndexEntry(indexKey, location, now, item.tail);
      writes.push({ key: indexKey, value });
    }
    const committed = {
      ...pack,
      committedLength: writer.length,
      availableLength: writer.length,
      recordCount: pack.recordCount + queued.length,
    };
    writes.push(Packs.write(committed));
    await index.commit(writes, { needsRoom: true });
    writer.commit();
    Object.assign(pack, committed);
  }

  /**
   * The index knows a pack before anything is appended to it: what a crash leaves behind the committed length is then cut
   * off, where a pack that the index doesn't know would be entered into it whole, with what was never acknowledged.
   */
  async #startPack(): Promise<PackWriter> {
    const { files, index, packs, storeId } = this.#target;
    const writer = await PackWriter.create(files, packs, storeId);
    const { pack } = writer;
    pack.committedLength = pack.availableLength = writer.length;
    try {
      await index.commit([Packs.write(pack)], { needsRoom: true });
    } catch (error) {
      packs.remove(pack.number);
      writer.close();
      // After an I/O error nobody knows what the index holds; a pack without records does no harm.
      if (isTransient(error)) fs.rmSync(pack.file, { force: true });
      throw error;
    }
    return writer;
  }

  async #sealOpenPack(): Promise<void> {
    const writer = this.#writer;
    if (writer === undefined) return;
    let length = writer.length;
    try {
      length = await writer.seal();
    } catch (error) {
      if (!isTransient(error)) throw error;
      // A footer only saves time. Without room for one the pack is told by its records.
      await writer.rollBack();
    }
    await this.#markSealed(writer, length);
  }

  async #markSealed(writer: PackWriter, length: number): Promise<void> {
    const { pack } = writer;
    const sealed = {
      ...pack,
      committedLength: length,
      availableLength: length,
      isSealed: true,
    };
    await this.#target.index.commit([Packs.write(sealed)]);
    Object.assign(pack, sealed);
    writer.close();
    this.#writer = undefined;
  }

  async #sealIfFull(): Promise<void> {
    const writer = this.#writer;
    if (writer === undefined || writer.length < this.#target.packTargetBytes)
      return;
    try {
      await this.#markSealed(writer, await writer.seal());
    } catch (error) {
      // The records are durable and answered for. Without room for a footer the pack just stays open.
      await this.#recover(error);
    }
  }

  /** Decides what a failure means, brings the pack back in order, and answers with what the callers get. */
  async #recover(error: unknown): Promise<CastoreError> {
    if (this.#failure !== undefined) return this.#failure;
    if (isTransient(error)) {
      try {
        await this.#writer?.rollBack();
        return writeRefused(error);
      } catch (second) {
        if (isTransient(second)) return writeRefused(error);
        error = second;
      }
    }
    this.#failure = storeFailed(error);
    return this.#failure;
  }
}

/** Whether nothing before it in its chain was refused; where something was, it is refused here. */
function isWritten({ chain, reject }: Group): boolean {
  if (chain?.refusal === undefined) return true;
  reject(chain.refusal.error);
  return false;
}
