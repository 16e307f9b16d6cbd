import assert from 'node:assert/strict';
import { StoreError } from '../errors.ts';
import { assertSamePathInfo, listAll } from './expect.ts';
import {
  barePathInfo,
  fullPathInfo,
  outputHash,
} from './path-info-fixtures.ts';
import type { PathInfoSuite } from './path-info-suite.ts';

/** What is deleted is absent; a service that can't delete says so and keeps everything. */
export function pathInfoDeleting(suite: PathInfoSuite): void {
  suite.it('forgets what is deleted, and nothing else', async (service) => {
    for (const byte of [1, 2, 3]) await service.put(fullPathInfo(byte));
    if (!service.capabilities.delete) {
      await assert.rejects(service.delete([outputHash(1)]), isUnsupported);
      assert.equal((await listAll(service)).length, 3);
      return;
    }
    await service.delete([outputHash(1), outputHash(3)]);
    assert.equal(await service.get(outputHash(1)), undefined);
    assert.equal(await service.get(outputHash(3)), undefined);
    assertSamePathInfo(await service.get(outputHash(2)), fullPathInfo(2));
    assert.equal((await listAll(service)).length, 1);
  });

  suite.it('passes over what is not there to be deleted', async (service) => {
    await service.put(fullPathInfo(1));
    if (!service.capabilities.delete) {
      await assert.rejects(service.delete([outputHash(2)]), isUnsupported);
      return;
    }
    await service.delete([]);
    await service.delete([outputHash(2)]);
    await service.delete([outputHash(1), outputHash(2)]);
    await service.delete([outputHash(1)]);
    assert.deepEqual(await listAll(service), []);
  });

  suite.it('takes back what was deleted', async (service) => {
    await service.put(fullPathInfo(1, 'older'));
    if (service.capabilities.delete) await service.delete([outputHash(1)]);
    await service.put(fullPathInfo(1, 'newer'));
    const newer = fullPathInfo(1, 'newer');
    assertSamePathInfo(await service.get(outputHash(1)), newer);
  });

  suite.it('deletes nothing where one hash is none', async (service) => {
    await service.put(fullPathInfo(1));
    const hashes = [outputHash(1), new Uint8Array(19)];
    await assert.rejects(
      service.delete(hashes),
      (error: unknown) =>
        isUnsupported(error) ||
        (error instanceof StoreError &&
          error.code === 'store/invalid-output-hash-length'),
    );
    assertSamePathInfo(await service.get(outputHash(1)), fullPathInfo(1));
  });

  suite.it('lets a listing go on while paths are deleted', async (service) => {
    for (const byte of [1, 2, 3]) await service.put(barePathInfo(byte));
    if (!service.capabilities.delete) return;
    const seen: number[] = [];
    for await (const { storePath } of service.list()) {
      seen.push(storePath.digest[0]!);
      await service.delete([1, 2, 3].map(outputHash));
    }
    assert.ok(seen.length >= 1 && seen.length <= 3);
    assert.deepEqual(await listAll(service), []);
  });

  suite.itIf(
    'reopen',
    'still lacks what was deleted when it is opened again',
    async (before, reopen) => {
      for (const byte of [1, 2]) await before.put(fullPathInfo(byte));
      if (before.capabilities.delete) await before.delete([outputHash(1)]);
      const service = await reopen(outputHash(1));
      const expected = service.capabilities.delete ? 1 : 2;
      assert.equal((await listAll(service)).length, expected);
    },
  );
}

function isUnsupported(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'store/unsupported';
}
