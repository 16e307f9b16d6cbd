/** What every path info service must do: run it over a backend of your own with the test runner that you use. */
import assert from 'node:assert/strict';
import { StoreError } from '../errors.ts';
import type { PathInfo } from '../path-info/path-info.ts';
import type { PathInfoService } from '../path-info-service/path-info-service.ts';
import {
  barePathInfo,
  fullPathInfo,
  outputHash,
} from './path-info-fixtures.ts';
import type { ConformanceRunner } from './runner.ts';

/** A backend, as the suite gets hold of it. */
export interface PathInfoServiceSubject {
  /** A service without path infos, for one test. */
  create(): Promise<PathInfoService> | PathInfoService;
  /** Frees what `create` made. */
  destroy?(service: PathInfoService): Promise<void> | void;
  /** Closes the service and opens what it stored again, where it stores durably. */
  reopen?(service: PathInfoService): Promise<PathInfoService>;
}

/** Defines the tests. For services that put and list; those that don't have no part in it. */
export function runPathInfoServiceConformance(
  runner: ConformanceRunner,
  subject: PathInfoServiceSubject,
): void {
  const { it } = runner;
  let service: PathInfoService;

  runner.beforeEach(async () => {
    service = await subject.create();
  });
  runner.afterEach(async () => {
    await subject.destroy?.(service);
  });

  it('says that it puts and lists', () => {
    assert.deepEqual(
      { put: service.capabilities.put, list: service.capabilities.list },
      { put: true, list: true },
    );
  });

  it('answers undefined for what was never put', async () => {
    assert.equal(await service.get(outputHash(1)), undefined);
    await service.put(fullPathInfo(2));
    assert.equal(await service.get(outputHash(1)), undefined);
  });

  it('lists nothing while it is empty', async () => {
    assert.deepEqual(await listed(service), []);
  });

  for (const [what, pathInfo] of [
    ['a path info with everything', fullPathInfo(1)],
    ['a path info without narinfo', barePathInfo(1)],
    ['a file as root', barePathInfo(1, 'file')],
    ['a symlink as root', barePathInfo(1, 'symlink')],
    ['a name of 211 characters', fullPathInfo(1, 'n'.repeat(211))],
  ] as const) {
    it(`gives back ${what} as it was put`, async () => {
      assertSame(await service.put(pathInfo), pathInfo);
      assertSame(await service.get(outputHash(1)), pathInfo);
    });
  }

  it('replaces an older path info of the same output hash, whatever its name', async () => {
    await service.put(fullPathInfo(1, 'older'));
    await service.put(fullPathInfo(1, 'newer'));
    assertSame(await service.get(outputHash(1)), fullPathInfo(1, 'newer'));
    assert.equal((await listed(service)).length, 1);
  });

  it('takes the same path info twice', async () => {
    await service.put(fullPathInfo(1));
    await service.put(fullPathInfo(1));
    assertSame(await service.get(outputHash(1)), fullPathInfo(1));
  });

  it('tells apart hashes that differ in one bit, at either end', async () => {
    const hashes = [0, 19].map((at) => outputHash(0).fill(1, at, at + 1));
    for (const hash of hashes) assert.equal(await service.get(hash), undefined);
    await service.put(fullPathInfo(0));
    for (const hash of hashes) assert.equal(await service.get(hash), undefined);
  });

  for (const length of [0, 19, 21, 32]) {
    it(`refuses to look up ${length} bytes`, async () => {
      await assert.rejects(
        service.get(new Uint8Array(length)),
        (error: unknown) =>
          error instanceof StoreError &&
          error.code === 'store/invalid-output-hash-length',
      );
    });
  }

  it('lists everything once, in the same order each time', async () => {
    const bytes = [200, 3, 127, 128, 0, 255];
    await Promise.all(bytes.map((byte) => service.put(fullPathInfo(byte))));
    const first = await listed(service);
    assert.deepEqual(
      first.map(({ storePath }) => storePath.digest[0]!).sort((a, b) => a - b),
      [...bytes].sort((a, b) => a - b),
    );
    for (const pathInfo of first)
      assertSame(pathInfo, fullPathInfo(pathInfo.storePath.digest[0]!));
    assert.deepEqual(
      (await listed(service)).map(({ storePath }) => storePath.toString()),
      first.map(({ storePath }) => storePath.toString()),
    );
  });

  it('lists more than fits into any one page', async () => {
    for (let first = 0; first < 256; first += 32) {
      const bytes = Array.from({ length: 32 }, (_, i) => first + i);
      await Promise.all(bytes.map((byte) => service.put(barePathInfo(byte))));
    }
    assert.equal((await listed(service)).length, 256);
  });

  it('lets a listing be left early, and listed again', async () => {
    for (const byte of [1, 2, 3]) await service.put(barePathInfo(byte));
    for await (const _ of service.list()) break;
    assert.equal((await listed(service)).length, 3);
  });

  it('takes changes while a listing runs', async () => {
    for (const byte of [1, 2, 3]) await service.put(barePathInfo(byte));
    let seen = 0;
    for await (const _ of service.list()) {
      seen++;
      await service.put(fullPathInfo(2));
    }
    assert.equal(seen, 3);
    assertSame(await service.get(outputHash(2)), fullPathInfo(2));
  });

  it('lets one of two concurrent puts win, whole', async () => {
    const [a, b] = [fullPathInfo(1, 'a'), fullPathInfo(1, 'b')];
    await Promise.all([service.put(a), service.put(b)]);
    const winner = (await service.get(outputHash(1)))!;
    assertSame(winner, winner.storePath.name === 'a' ? a : b);
  });

  it('rejects with the reason of a signal that is aborted already', async () => {
    const reason = new RangeError('enough');
    const signal = AbortSignal.abort(reason);
    const isReason = (error: unknown): boolean => error === reason;
    await assert.rejects(service.get(outputHash(1), { signal }), isReason);
    await assert.rejects(service.put(fullPathInfo(1), { signal }), isReason);
    assert.equal(await service.get(outputHash(1)), undefined);
    await service.put(fullPathInfo(1));
    await assert.rejects(listed(service, signal), isReason);
  });

  it('ends a listing whose signal is aborted in between', async () => {
    for (const byte of [1, 2, 3]) await service.put(barePathInfo(byte));
    const controller = new AbortController();
    const reason = new RangeError('enough');
    const { signal } = controller;
    await assert.rejects(
      async () => {
        for await (const _ of service.list({ signal }))
          controller.abort(reason);
      },
      (error: unknown) => error === reason,
    );
  });

  if (subject.reopen !== undefined) {
    const reopen = subject.reopen.bind(subject);
    it('still has everything when it is opened again', async () => {
      await service.put(fullPathInfo(1, 'older'));
      await service.put(fullPathInfo(1, 'newer'));
      await service.put(barePathInfo(2));
      service = await reopen(service);
      assertSame(await service.get(outputHash(1)), fullPathInfo(1, 'newer'));
      assertSame(await service.get(outputHash(2)), barePathInfo(2));
      assert.equal((await listed(service)).length, 2);
    });
  }
}

async function listed(
  service: PathInfoService,
  signal?: AbortSignal,
): Promise<PathInfo[]> {
  const all: PathInfo[] = [];
  const options = signal === undefined ? {} : { signal };
  for await (const pathInfo of service.list(options)) all.push(pathInfo);
  return all;
}

function assertSame(found: PathInfo | undefined, expected: PathInfo): void {
  assert.equal(found && hex(found.encode()), hex(expected.encode()));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
