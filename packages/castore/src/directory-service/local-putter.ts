import type { B3Digest } from '../digest/b3-digest.ts';
import { CastoreError } from '../errors.ts';
import type { Lease } from '../local-store/usage/leases.ts';
import { WriteChain } from '../local-store/commit/write-chain.ts';
import type { RecordStore } from '../local-store/read/quiet-store.ts';
import { RecordKind } from '../local-store/packs/record.ts';
import type { RawRecord } from '../local-store/commit/prepare-records.ts';
import type { Directory } from '../node/directory.ts';
import type { DirectoryPutter } from './directory-service.ts';

/** A batch is submitted when it has this many directories or bytes. */
const BATCH_DIRECTORIES = 512;
const BATCH_BYTES = 256 * 1024;

/**
 * Stores the directories of a tree in batches, without a look at their children. Where a batch can't be stored, none
 * behind it is: a directory that is there has its children.
 */
export class LocalDirectoryPutter implements DirectoryPutter {
  readonly #store: RecordStore;
  readonly #signal: AbortSignal | undefined;
  #batch: RawRecord[] = [];
  #batchBytes = 0;
  readonly #chain = new WriteChain();
  #durable: Promise<unknown> = Promise.resolve();
  /** Held while directories are stored that no root leads to yet. */
  #lease: Lease | undefined;
  #last: B3Digest | undefined;
  #isClosed = false;

  constructor(store: RecordStore, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#signal = signal;
  }

  get isClosed(): boolean {
    return this.#isClosed || this.#chain.refusal !== undefined;
  }

  async put(directory: Directory): Promise<void> {
    this.#assertOpen();
    this.#last = directory.digest;
    const bytes = directory.encode();
    const key = directory.digest.bytes;
    this.#batch.push({ kind: RecordKind.directory, key, bytes });
    this.#batchBytes += bytes.length;
    if (
      this.#batch.length >= BATCH_DIRECTORIES ||
      this.#batchBytes >= BATCH_BYTES
    )
      await this.#submit();
  }

  async close(): Promise<B3Digest> {
    this.#assertOpen();
    if (this.#last === undefined) {
      throw new CastoreError(
        'castore/nothing-put',
        'no directory was put before the end',
      );
    }
    this.#isClosed = true;
    try {
      await this.#submit();
      await this.#durable;
    } finally {
      this.#lease?.release();
    }
    return this.#last;
  }

  async abort(): Promise<void> {
    this.#isClosed = true;
    this.#batch = [];
    await Promise.allSettled([this.#durable]);
    this.#lease?.release();
  }

  async #submit(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    this.#lease ??= this.#store.lease();
    this.#lease.renew();
    if (this.#chain.refusal !== undefined) throw this.#chain.refusal.error;
    let durable: Promise<unknown>;
    try {
      ({ durable } = await this.#store.submit(batch, this.#chain));
    } catch (error) {
      this.#chain.refuse(error);
      throw error;
    }
    this.#durable = Promise.all([this.#durable, durable]);
    // A failure is told at the end.
    this.#durable.catch(() => {});
  }

  #assertOpen(): void {
    this.#signal?.throwIfAborted();
    if (this.#isClosed) {
      throw new CastoreError(
        'castore/closed',
        'the directory putter is closed',
      );
    }
  }
}
