import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openLocalStore } from '@tvix/castore';
import type { LocalStore } from '@tvix/castore';
import {
  barePathInfo,
  fullPathInfo,
  outputHash,
  storePath,
} from '../../src/conformance/path-info-fixtures.ts';
import { LocalNarCalculationCache } from '../../src/nar/local-calculation-cache.ts';
import { PathInfo } from '../../src/path-info/path-info.ts';
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

  it('answers with the same object while the stored bytes are the same', async () => {
    const service = new LocalPathInfoService(store);
    await service.put(fullPathInfo(1, 'older'));
    const older = service.getNow(outputHash(1));
    expect(await service.get(outputHash(1))).toBe(older);
    await service.put(fullPathInfo(1, 'older'));
    expect(service.getNow(outputHash(1))).toBe(older);
    await service.put(fullPathInfo(1, 'newer'));
    expect(service.getNow(outputHash(1))?.storePath.name).toBe('newer');
    await service.delete([outputHash(1)]);
    expect(service.getNow(outputHash(1))).toBeUndefined();
  });

  it('forgets the oldest of what it decoded, and decodes it anew', async () => {
    const service = new LocalPathInfoService(store);
    // Each is longer than 256 KiB, so that a mebibyte holds no more than three.
    const references = new Array<Uint8Array>(12_000).fill(outputHash(9));
    for (const byte of [1, 2, 3, 4]) {
      const { node } = barePathInfo(byte);
      await service.put(PathInfo.createBare(storePath(byte), node, references));
    }
    const [first, , , last] = [1, 2, 3, 4].map((byte) =>
      service.getNow(outputHash(byte)),
    );
    expect(service.getNow(outputHash(4))).toBe(last);
    const again = service.getNow(outputHash(1))!;
    expect(again).not.toBe(first);
    expect(again.encode()).toEqual(first!.encode());
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
