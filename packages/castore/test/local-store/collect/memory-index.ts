import type {
  IndexRange,
  IndexWrite,
  StoreIndex,
} from '../../../src/local-store/index/store-index.ts';

/** An index in memory: what LMDB does, in a few lines, and as slow to answer a commit as it is told to be. */
export class MemoryIndex implements StoreIndex {
  readonly #values = new Map<string, Buffer>();
  readonly #beforeCommit: () => Promise<void>;
  readonly generation = undefined;

  constructor(beforeCommit: () => Promise<void>) {
    this.#beforeCommit = beforeCommit;
  }

  get(key: Uint8Array): Buffer | undefined {
    const value = this.#values.get(nameOf(key));
    return value && Buffer.from(value);
  }

  range({ start, end, limit }: IndexRange): (readonly [Buffer, Buffer])[] {
    const [from, to] = [nameOf(start), nameOf(end)];
    return [...this.#values.keys()]
      .filter((name) => name >= from && name < to)
      .sort()
      .slice(0, limit)
      .map((name) => [Buffer.from(name, 'latin1'), this.#values.get(name)!]);
  }

  count(): number {
    return this.#values.size;
  }

  readSparingly(): () => void {
    return () => {};
  }

  async commit(writes: readonly IndexWrite[]): Promise<void> {
    await this.#beforeCommit();
    for (const { key, value } of writes) {
      if (value === undefined) this.#values.delete(nameOf(key));
      else this.#values.set(nameOf(key), Buffer.from(value));
    }
  }

  async close(): Promise<void> {}
}

/** Strings of single bytes sort as the bytes do. */
function nameOf(key: Uint8Array): string {
  return Buffer.from(key).toString('latin1');
}
