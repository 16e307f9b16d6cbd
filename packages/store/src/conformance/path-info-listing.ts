import assert from 'node:assert/strict';
import { assertSamePathInfo, listAll } from './expect.ts';
import {
  barePathInfo,
  fullPathInfo,
  outputHash,
} from './path-info-fixtures.ts';
import type { PathInfoSuite } from './path-info-suite.ts';

/** Everything is listed, in an order that stands. */
export function pathInfoListing(suite: PathInfoSuite): void {
  suite.it('lists nothing while it is empty', async (service) => {
    assert.deepEqual(await listAll(service), []);
  });

  suite.it('lists everything once, in the same order', async (service) => {
    const bytes = [200, 3, 127, 128, 0, 255];
    await Promise.all(bytes.map((byte) => service.put(fullPathInfo(byte))));
    const first = await listAll(service);
    const found = first.map(({ storePath }) => storePath.digest[0]!);
    assert.deepEqual(found.toSorted(), bytes.toSorted());
    for (const pathInfo of first)
      assertSamePathInfo(pathInfo, fullPathInfo(pathInfo.storePath.digest[0]!));
    const again = await listAll(service);
    assert.deepEqual(
      again.map(({ storePath }) => storePath.digest[0]),
      found,
    );
  });

  suite.it('lists more than fits into one page', async (service) => {
    for (let first = 0; first < 256; first += 32) {
      const bytes = Array.from({ length: 32 }, (_, i) => first + i);
      await Promise.all(bytes.map((byte) => service.put(barePathInfo(byte))));
    }
    assert.equal((await listAll(service)).length, 256);
  });

  suite.it('lets a listing be left, and listed again', async (service) => {
    for (const byte of [1, 2, 3]) await service.put(barePathInfo(byte));
    for await (const _ of service.list()) break;
    assert.equal((await listAll(service)).length, 3);
  });

  suite.it('takes changes while a listing runs', async (service) => {
    for (const byte of [1, 2, 3]) await service.put(barePathInfo(byte));
    let seen = 0;
    for await (const _ of service.list()) {
      seen++;
      await service.put(fullPathInfo(2));
    }
    assert.equal(seen, 3);
    assertSamePathInfo(await service.get(outputHash(2)), fullPathInfo(2));
  });
}
