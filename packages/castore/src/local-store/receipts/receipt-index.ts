import {
  type IndexCommitOptions,
  type IndexRange,
  IndexSpace,
  type IndexWrite,
  type StoreIndex,
} from '../index/store-index.ts';

/**
 * An index that takes all receipts back in the very transaction that removes a record or a pack, whoever removes it and
 * why: no removal is ever there without that. A receipt lies in the index alone, so that one that is made again from the
 * packs has none.
 */
export class ReceiptIndex implements StoreIndex {
  readonly #inner: StoreIndex;
  #losses = 0;
  #isDoubtful = false;

  constructor(inner: StoreIndex) {
    this.#inner = inner;
  }

  /** How often something was lost since the store was opened; raised before it is. */
  get losses(): number {
    return this.#losses;
  }

  /** Whether something was lost of which the index doesn't know yet. */
  get isDoubtful(): boolean {
    return this.#isDoubtful;
  }

  get generation(): number | undefined {
    return this.#inner.generation;
  }

  get(key: Uint8Array): Buffer | undefined {
    return this.#inner.get(key);
  }

  range(range: IndexRange): (readonly [key: Buffer, value: Buffer])[] {
    return this.#inner.range(range);
  }

  count(): number {
    return this.#inner.count();
  }

  readSparingly(): () => void {
    return this.#inner.readSparingly();
  }

  async commit(
    writes: readonly IndexWrite[],
    options?: IndexCommitOptions,
  ): Promise<void> {
    if (!writes.some(isLoss)) return this.#inner.commit(writes, options);
    this.#losses += 1;
    const kept = writes.filter(({ key }) => key[0] !== IndexSpace.receipts);
    await this.#inner.commit([...kept, ...this.#takenBack()], options);
    this.#isDoubtful = false;
  }

  /** A record turned out to be lost, and its removal may fail: no receipt counts until one has succeeded. */
  doubt(): void {
    this.#losses += 1;
    this.#isDoubtful = true;
  }

  /** Takes all receipts back. */
  async takeBack(): Promise<void> {
    this.#losses += 1;
    const writes = this.#takenBack();
    if (writes.length > 0) await this.#inner.commit(writes);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #takenBack(): IndexWrite[] {
    return this.#inner
      .range({
        start: Buffer.of(IndexSpace.receipts),
        end: Buffer.of(IndexSpace.receipts + 1),
      })
      .map(([key]) => ({ key, value: undefined }));
  }
}

function isLoss({ key, value }: IndexWrite): boolean {
  return (
    value === undefined &&
    (key[0] === IndexSpace.chunk ||
      key[0] === IndexSpace.recipe ||
      key[0] === IndexSpace.directory ||
      key[0] === IndexSpace.packs)
  );
}
