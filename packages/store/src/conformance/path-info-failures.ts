import assert from 'node:assert/strict';
import { StoreError } from '../errors.ts';
import { assertSamePathInfo, listAll } from './expect.ts';
import {
  barePathInfo,
  fullPathInfo,
  outputHash,
} from './path-info-fixtures.ts';
import type { PathInfoSuite } from './path-info-suite.ts';

/** What fails says so: never as absence, never as another path. */
export function pathInfoFailures(suite: PathInfoSuite): void {
  for (const length of [0, 19, 21, 32]) {
    suite.it(`refuses to look up ${length} bytes`, async (service) => {
      await assert.rejects(
        service.get(new Uint8Array(length)),
        (error: unknown) =>
          error instanceof StoreError &&
          error.code === 'store/invalid-output-hash-length',
      );
    });
  }

  suite.it('rejects with the reason of an aborted signal', async (service) => {
    const reason = new RangeError('enough');
    const signal = AbortSignal.abort(reason);
    const isReason = (error: unknown): boolean => error === reason;
    await assert.rejects(service.get(outputHash(1), { signal }), isReason);
    await assert.rejects(service.put(fullPathInfo(1), { signal }), isReason);
    assert.equal(await service.get(outputHash(1)), undefined);
    await service.put(fullPathInfo(1));
    await assert.rejects(listAll(service, signal), isReason);
  });

  suite.it('ends a listing whose signal is aborted', async (service) => {
    for (const byte of [1, 2, 3]) await service.put(barePathInfo(byte));
    const controller = new AbortController();
    const reason = new RangeError('enough');
    const { signal } = controller;
    const abortWithin = async (): Promise<void> => {
      for await (const _ of service.list({ signal })) controller.abort(reason);
    };
    await assert.rejects(abortWithin(), (error: unknown) => error === reason);
  });

  suite.itIf(
    'corrupt',
    'fails on a damaged path info and keeps the others, and a put mends it',
    async (service, corrupt) => {
      await service.put(fullPathInfo(1));
      await service.put(fullPathInfo(2));
      await corrupt(outputHash(1));
      await assert.rejects(service.get(outputHash(1)));
      await assert.rejects(listAll(service));
      assertSamePathInfo(await service.get(outputHash(2)), fullPathInfo(2));
      await service.put(fullPathInfo(1));
      assertSamePathInfo(await service.get(outputHash(1)), fullPathInfo(1));
      assert.equal((await listAll(service)).length, 2);
    },
  );

  suite.itIf(
    'cut',
    'fails where it can not know, which is not absence',
    async (service, cut) => {
      await service.put(fullPathInfo(1));
      await cut(outputHash(1));
      await assert.rejects(service.get(outputHash(1)));
      await assert.rejects(service.get(outputHash(2)));
      await assert.rejects(service.put(fullPathInfo(3)));
      await assert.rejects(listAll(service));
    },
  );
}
