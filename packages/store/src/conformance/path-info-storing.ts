import assert from 'node:assert/strict';
import { assertSamePathInfo, listAll } from './expect.ts';
import {
  barePathInfo,
  fullPathInfo,
  outputHash,
} from './path-info-fixtures.ts';
import type { PathInfoSuite } from './path-info-suite.ts';

/** What is put comes back. */
export function pathInfoStoring(suite: PathInfoSuite): void {
  suite.it('says that it puts and lists', async ({ capabilities }) => {
    const { put, list } = capabilities;
    assert.deepEqual({ put, list }, { put: true, list: true });
  });

  suite.it('answers undefined for what was never put', async (service) => {
    assert.equal(await service.get(outputHash(1)), undefined);
    await service.put(fullPathInfo(2));
    assert.equal(await service.get(outputHash(1)), undefined);
  });

  for (const [what, pathInfo] of [
    ['a path info with everything', fullPathInfo(1)],
    ['a path info without narinfo', barePathInfo(1)],
    ['a file as root', barePathInfo(1, 'file')],
    ['a symlink as root', barePathInfo(1, 'symlink')],
    ['a name of 211 characters', fullPathInfo(1, 'n'.repeat(211))],
  ] as const) {
    suite.it(`gives back ${what} as it was put`, async (service) => {
      assertSamePathInfo(await service.put(pathInfo), pathInfo);
      assertSamePathInfo(await service.get(outputHash(1)), pathInfo);
    });
  }

  suite.it('replaces a path info of the same hash', async (service) => {
    await service.put(fullPathInfo(1, 'older'));
    await service.put(fullPathInfo(1, 'newer'));
    const newer = fullPathInfo(1, 'newer');
    assertSamePathInfo(await service.get(outputHash(1)), newer);
    assert.equal((await listAll(service)).length, 1);
  });

  suite.it('takes the same path info twice', async (service) => {
    await service.put(fullPathInfo(1));
    await service.put(fullPathInfo(1));
    assertSamePathInfo(await service.get(outputHash(1)), fullPathInfo(1));
  });

  suite.it('tells apart hashes that differ in one bit', async (service) => {
    const others = [0, 19].map((at) => outputHash(0).fill(1, at, at + 1));
    await service.put(fullPathInfo(0));
    for (const other of others)
      assert.equal(await service.get(other), undefined);
  });

  suite.it('lets one of two concurrent puts win, whole', async (service) => {
    const [a, b] = [fullPathInfo(1, 'a'), fullPathInfo(1, 'b')];
    await Promise.all([service.put(a), service.put(b)]);
    const winner = (await service.get(outputHash(1)))!;
    assertSamePathInfo(winner, winner.storePath.name === 'a' ? a : b);
  });

  suite.itIf(
    'reopen',
    'still has everything when it is opened again',
    async (before, reopen) => {
      await before.put(fullPathInfo(1, 'older'));
      await before.put(fullPathInfo(1, 'newer'));
      await before.put(barePathInfo(2));
      const service = await reopen(outputHash(1));
      const newer = fullPathInfo(1, 'newer');
      assertSamePathInfo(await service.get(outputHash(1)), newer);
      assertSamePathInfo(await service.get(outputHash(2)), barePathInfo(2));
      assert.equal((await listAll(service)).length, 2);
    },
  );
}
