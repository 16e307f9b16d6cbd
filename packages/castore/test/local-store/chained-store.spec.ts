import { afterEach, describe, expect, it } from '@jest/globals';
import { hashBytes } from '../../src/digest/hasher.ts';
import { ChainedStore } from '../../src/local-store/chained-store.ts';
import type { RawRecord } from '../../src/local-store/commit/prepare-records.ts';
import type { LocalStore } from '../../src/local-store/local-store.ts';
import type { LocalStoreOptions } from '../../src/local-store/open/open-local-store.ts';
import { RecordKind } from '../../src/local-store/packs/record.ts';
import { randomBytes } from '../blob-service/random-bytes.ts';
import { type Call, Faults } from './faults.ts';
import { TemporaryStore } from './temporary-store.ts';

let temporary: TemporaryStore | undefined;

afterEach(async () => {
  await temporary?.destroy();
  temporary = undefined;
});

async function open(options: LocalStoreOptions = {}): Promise<LocalStore> {
  temporary = await TemporaryStore.create(options);
  return temporary.store;
}

function record(seed: number, length = 1000): RawRecord {
  const bytes = randomBytes(length, seed);
  return { kind: RecordKind.chunk, key: hashBytes(bytes).bytes, bytes };
}

function isStored(store: LocalStore, { key }: RawRecord): boolean {
  return store.has(RecordKind.chunk, key);
}

describe('a chained store', () => {
  it('shows what was put once it is finished, in tables too', async () => {
    const store = await open();
    const chained = new ChainedStore(store);
    const key = Uint8Array.of(1);
    await chained.put([record(1)]);
    await chained.table('names').put(key, Uint8Array.of(2));
    expect(chained.table('names').get(key)).toBeUndefined();
    expect(isStored(store, record(1))).toBe(false);
    await chained.finish();
    expect(isStored(store, record(1))).toBe(true);
    expect(store.table('names').get(key)).toEqual(Uint8Array.of(2));
  });

  it('keeps what it holds from being collected until it is finished', async () => {
    const store = await open();
    const { leases } = store.interior.writing!;
    const chained = new ChainedStore(store);
    await chained.put([record(1)]);
    expect(leases.oldestMs()).toBeDefined();
    await chained.finish();
    expect(leases.oldestMs()).toBeUndefined();
  });

  it('lets go of what it holds after a refusal, too', async () => {
    const faults = new Faults();
    const store = await open({ fileSystem: faults.fileSystem });
    const chained = new ChainedStore(store);
    faults.failing.set('writev', 'ENOSPC');
    await chained.put([record(1)]);
    const refusal = { code: 'castore/no-space' };
    await expect(chained.finish()).rejects.toMatchObject(refusal);
    expect(store.interior.writing!.leases.oldestMs()).toBeUndefined();
  });

  it('refuses everything behind what the disk had no room for, and nothing of others', async () => {
    const faults = new Faults();
    const store = await open({
      fileSystem: faults.fileSystem,
      threads: 0,
    });
    await store.put([record(1)]);
    const full = new ChainedStore(store);
    faults.failing.set('fdatasync', 'ENOSPC');
    await full.put([record(2)]);
    // The round of the first is refused while these are on their way, and then there is room again.
    const behind = [
      full.put([record(3)]),
      full.table('names').put(record(4).key, record(4).key),
    ];
    const refused = store.put([record(2)]).catch((error: unknown) => error);
    expect(await refused).toMatchObject({ code: 'castore/no-space' });
    faults.lift();
    await Promise.allSettled(behind);
    const refusal = { code: 'castore/no-space' };
    await expect(full.put([record(5)])).rejects.toMatchObject(refusal);
    await expect(full.finish()).rejects.toMatchObject(refusal);
    await store.put([record(6)]);
    const stored = [1, 2, 3, 5, 6].map((seed) => isStored(store, record(seed)));
    expect(stored).toEqual([true, false, false, false, true]);
    expect(store.table('names').get(record(4).key)).toBeUndefined();
  });

  it('is let through by a small budget, whoever waits for whom', async () => {
    const store = await open({ inFlightBytes: 4096 });
    const chains = Array.from({ length: 8 }, () => new ChainedStore(store));
    await Promise.all(
      chains.map(async (chained, i) => {
        // All put the same records, each in an order of its own.
        for (let at = 0; at < 16; at++)
          await chained.put([record((at * (2 * i + 1)) % 16, 3000)]);
        await chained.finish();
      }),
    );
    for (let seed = 0; seed < 16; seed++)
      expect(isStored(store, record(seed, 3000))).toBe(true);
  });

  it.each<Call>(['writev', 'fdatasync', 'commit'])(
    'leaves a beginning of what was put where the nth %s fails for good',
    async (call) => {
      const records = Array.from({ length: 12 }, (_, i) => record(i, 9000));
      for (let nth = 1, ended = false; !ended; nth++) {
        const faults = new Faults();
        const store = await open({
          fileSystem: faults.fileSystem,
          openIndex: faults.openIndex,
          packTargetBytes: 30_000,
          threads: 0,
        });
        faults.plan({ call, nth, isForEver: true });
        const chained = new ChainedStore(store);
        const putAll = async (): Promise<void> => {
          for (const each of records) {
            await chained.put([each]);
            // A turn of the loop, so that there is more than one round.
            await new Promise(setImmediate);
          }
        };
        await putAll().catch(() => {});
        const failure = await chained.finish().catch((error: unknown) => error);
        if (failure !== undefined)
          expect(failure).toMatchObject({ code: 'castore/store-failed' });
        ended = !faults.hasFailed;
        faults.lift();
        const after = await temporary!.reopen();
        const stored = records.map((each) => isStored(after, each));
        expect(stored).toEqual([...stored].sort().reverse());
        expect(stored.at(-1)).toBe(failure === undefined);
        await temporary!.destroy();
        temporary = undefined;
      }
    },
  );
});
