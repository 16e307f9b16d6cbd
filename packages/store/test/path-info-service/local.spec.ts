import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openLocalStore } from '@tvix/castore';
import type { LocalStore } from '@tvix/castore';
import {
  barePathInfo,
  outputHash,
} from '../../src/conformance/path-info-fixtures.ts';
import { LocalNarCalculationCache } from '../../src/nar/local-calculation-cache.ts';
import { LocalPathInfoService } from '../../src/path-info-service/local.ts';

let folder: string;
let store: LocalStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'store-local-'));
  store = await openLocalStore(folder, { reserveBytes: 0 });
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

describe('LocalPathInfoService', () => {
  it('lists in ascending order of the output hashes', async () => {
    const service = new LocalPathInfoService(store);
    const bytes = [200, 3, 127, 128, 0, 255];
    for (const byte of bytes) await service.put(barePathInfo(byte));
    const listed: number[] = [];
    for await (const { storePath } of service.list())
      listed.push(storePath.digest[0]!);
    expect(listed).toEqual([0, 3, 127, 128, 200, 255]);
  });

  it.each([
    ['is no message', Uint8Array.of(0x0a, 0xff)],
    ['breaks a rule', new Uint8Array(0)],
    ['belongs to another hash', barePathInfo(2).encode()],
  ])('calls a stored value that %s corrupt, not absent', async (_, value) => {
    await store.table('path-infos').put(outputHash(1), value);
    const service = new LocalPathInfoService(store);
    const failure = {
      code: 'store/corrupt-path-info',
      kind: 'corrupt',
      details: { outputHash: outputHash(1) },
    };
    await expect(service.get(outputHash(1))).rejects.toMatchObject(failure);
    await expect(service.list().next()).rejects.toMatchObject(failure);
  });
});

describe('LocalNarCalculationCache', () => {
  const key = Uint8Array.of(1, 2, 3);
  const calculation = {
    narSize: (1n << 64n) - 8n,
    narSha256: new Uint8Array(32).fill(9),
  };

  it('remembers when it is opened again', async () => {
    await new LocalNarCalculationCache(store).set(key, calculation);
    await store.close();
    store = await openLocalStore(folder, { reserveBytes: 0 });
    const cache = new LocalNarCalculationCache(store);
    expect(await cache.get(key)).toEqual(calculation);
    expect(await cache.get(Uint8Array.of(4))).toBeUndefined();
  });

  it('takes a value of another length for none', async () => {
    await store.table('nar-calculation').put(key, new Uint8Array(39));
    expect(await new LocalNarCalculationCache(store).get(key)).toBeUndefined();
  });
});
