import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hashBytes } from '../../../src/digest/hasher.ts';
import type { RawRecord } from '../../../src/local-store/commit/prepare-records.ts';
import { WriteChain } from '../../../src/local-store/commit/write-chain.ts';
import { RecordKind } from '../../../src/local-store/packs/record.ts';
import { randomBytes } from '../../blob-service/random-bytes.ts';
import { TemporaryStore } from '../temporary-store.ts';

interface Later<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

function later<T>(): Later<T> {
  let settle: Pick<Later<T>, 'resolve' | 'reject'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle! };
}

describe('a chain of writes', () => {
  it('gives each its turn in order, whatever is ready first', async () => {
    const chain = new WriteChain();
    const [first, second] = [later<string>(), later<string>()];
    const done: string[] = [];
    const act = async (name: string): Promise<void> => void done.push(name);
    const turns = [
      chain.inTurn(first.promise, act),
      chain.inTurn(second.promise, act),
      chain.inTurn('third', act),
    ];
    second.resolve('second');
    await second.promise;
    expect(done).toEqual([]);
    first.resolve('first');
    await Promise.all(turns);
    expect(done).toEqual(['first', 'second', 'third']);
  });

  it('is refused by what never gets ready, and the turns behind it come', async () => {
    const chain = new WriteChain();
    const never = later<string>();
    const turn = chain.inTurn(never.promise, async () => {});
    const behind = chain.inTurn('behind', async (name) => name);
    const error = new Error('cannot be compressed');
    never.reject(error);
    await expect(turn).rejects.toBe(error);
    expect(await behind).toBe('behind');
    expect(chain.refusal).toEqual({ error });
    await expect(chain.durable()).rejects.toBe(error);
  });

  it('is durable when all is that it was told of, and fails as the first does', async () => {
    const chain = new WriteChain();
    const [first, second] = [later<void>(), later<void>()];
    chain.track(first.promise);
    let isDurable = false;
    const durable = chain.durable().then(() => (isDurable = true));
    // What comes while it is waited for counts, too.
    chain.track(second.promise);
    first.resolve();
    await first.promise;
    expect(isDurable).toBe(false);
    second.resolve();
    await durable;

    const [a, b] = [new Error('a'), new Error('b')];
    chain.track(Promise.reject(a));
    chain.track(Promise.reject(b));
    await expect(chain.durable()).rejects.toBe(a);
  });
});

describe('what a chain found on its way for somebody else', () => {
  let temporary: TemporaryStore;

  beforeEach(async () => {
    temporary = await TemporaryStore.create({ threads: 0 });
  });
  afterEach(() => temporary.destroy());

  function record(seed: number): RawRecord {
    const bytes = randomBytes(1000, seed);
    return { kind: RecordKind.chunk, key: hashBytes(bytes).bytes, bytes };
  }

  /** A chain with that record behind something that others have to make durable. */
  async function slowChain(shared: RawRecord): Promise<Later<void>> {
    const slow = new WriteChain();
    const others = later<void>();
    slow.restOn([others.promise]);
    await temporary.store.submit([shared], slow);
    return others;
  }

  const isStored = ({ key }: RawRecord): boolean =>
    temporary.store.has(RecordKind.chunk, key);

  it('is durable before anything behind it is written', async () => {
    const { store } = temporary;
    const others = await slowChain(record(1));
    const chain = new WriteChain();
    await store.submit([record(1)], chain);
    await store.submit([record(2)], chain);
    // A round that anything which needn't wait would have joined.
    await store.put([record(3)]);
    expect([1, 2, 3].map((seed) => isStored(record(seed)))).toEqual([
      false,
      false,
      true,
    ]);
    others.resolve();
    await chain.durable();
    expect([1, 2].map((seed) => isStored(record(seed)))).toEqual([true, true]);
  });

  it('takes what is behind it along where it cannot be written', async () => {
    const { store } = temporary;
    const others = await slowChain(record(1));
    const chain = new WriteChain();
    await store.submit([record(1)], chain);
    await store.submit([record(2)], chain);
    const error = new Error('refused');
    others.reject(error);
    await expect(chain.durable()).rejects.toBe(error);
    await store.put([record(3)]);
    expect([1, 2, 3].map((seed) => isStored(record(seed)))).toEqual([
      false,
      false,
      true,
    ]);
  });
});
