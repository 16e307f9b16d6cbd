import { ByteBudget } from './commit/byte-budget.ts';
import { CommitQueue } from './commit/commit-queue.ts';
import type { QueuedRecord } from './commit/commit-queue.ts';
import { type SubmissionStore, Submissions } from './commit/submissions.ts';
import type { WriteChain } from './commit/write-chain.ts';
import { Compressor } from './compression/compressor.ts';
import { markForRebuild, storePaths } from './open/recovery.ts';
import type { Reserve } from './open/reserve.ts';
import { Receipts } from './receipts/receipts.ts';
import type { StoreParts, WritingParts } from './store-parts.ts';
import { Sequence } from './tables/sequence.ts';
import { Touches } from './usage/touches.ts';

/** How a store is changed: all that one which is open for reading alone lacks. */
export class StoreWriting {
  readonly queue: CommitQueue;
  readonly submissions: Submissions;
  readonly touches: Touches;
  readonly receipts: Receipts;
  readonly #parts: WritingParts;
  readonly #directory: string;
  readonly #budget: ByteBudget;

  constructor(
    store: StoreParts,
    parts: WritingParts,
    records: Pick<SubmissionStore, 'isStored' | 'onStored'>,
  ) {
    this.#parts = parts;
    this.#directory = store.directory;
    this.#budget = new ByteBudget(parts.inFlightBytes);
    const queue = new CommitQueue(
      {
        files: store.files,
        index: store.index,
        packs: store.packs,
        storeId: Buffer.from(store.format.storeId, 'hex'),
        packTargetBytes: parts.packTargetBytes,
        now: store.now,
      },
      parts.writer,
    );
    this.queue = queue;
    this.touches = new Touches({
      index: store.index,
      amend: (amendment) => queue.amend(amendment),
      now: store.now,
    });
    this.submissions = new Submissions({
      ...records,
      queue,
      compressor: new Compressor(
        store.zstd,
        store.compressionLevel,
        store.threads,
      ),
      budget: this.#budget,
      touches: this.touches,
    });
    this.receipts = new Receipts(
      parts.receipts,
      (amendment) => queue.amend(amendment),
      store.now,
    );
  }

  get reserve(): Reserve {
    return this.#parts.reserve;
  }

  /** Changes tables as soon as there is room for so many bytes; of a chain, behind what was submitted to that before. */
  async addEntries(
    records: readonly QueuedRecord[],
    bytes: number,
    sequence: Sequence,
    chain: WriteChain | undefined,
  ): Promise<void> {
    await this.#budget.take(bytes);
    const add = (): Promise<void> =>
      this.queue.add(records, [Sequence.write(sequence.last)], chain);
    try {
      await (chain === undefined ? add() : chain.inTurn(undefined, add));
    } finally {
      this.#budget.release(bytes);
    }
  }

  /** Has the index forget a record that is damaged. */
  forget(indexKey: Uint8Array): Promise<void> {
    this.#parts.receipts.doubt();
    return this.queue.add([], [{ key: indexKey, value: undefined }]);
  }

  /** The index returned what was never written to it: whoever opens the store next makes it anew. */
  markForRebuild(): void {
    markForRebuild(storePaths(this.#directory));
  }

  /** Resolves when nothing is on its way any more, whatever came of it. */
  async settled(): Promise<void> {
    await Promise.allSettled([
      this.submissions.settled(),
      this.touches.flush(),
    ]);
  }

  /** Lets others open the store for writing. */
  releaseLock(): Promise<void> {
    return this.#parts.lock.release();
  }
}
