import { describe, expect, it } from '@jest/globals';
import { CastoreError } from '@tvix/castore';
import { StoreError } from '../../src/errors.ts';
import type { PathInfo } from '../../src/path-info/path-info.ts';
import { MemoryPathInfoService } from '../../src/path-info-service/memory.ts';
import { SubstitutingPathInfoService } from '../../src/path-info-service/substituting.ts';
import type { Substitute } from '../../src/path-info-service/nix-http.ts';
import { Substituter } from '../../src/substitution/substituter.ts';
import { Upstream } from '../../src/substitution/upstream.ts';
import type { UpstreamCache } from '../../src/substitution/upstream.ts';
import {
  addTree,
  memoryServices,
  StartedCache,
  narOf,
} from '../binary-cache/started-cache.ts';
import { storeTree } from '../fixtures.ts';
import { NixHttpPathInfoService } from '../../src/path-info-service/nix-http.ts';
import { parseNarInfo } from '@tvix/nar';

/** A cache that has one path, and counts how often it is asked. */
class CountingCache implements UpstreamCache {
  finds = 0;
  fetches = 0;
  failure: unknown;
  readonly pathInfo: PathInfo | undefined;

  constructor(pathInfo?: PathInfo) {
    this.pathInfo = pathInfo;
  }

  async find(): Promise<Substitute | undefined> {
    this.finds++;
    if (this.failure !== undefined) throw this.failure;
    return (
      this.pathInfo &&
      ({
        narInfo: {
          storePath: this.pathInfo.storePath,
          references: [],
          signatures: [],
        },
      } as unknown as Substitute)
    );
  }

  async fetch(): Promise<PathInfo> {
    this.fetches++;
    if (this.failure !== undefined) throw this.failure;
    return this.pathInfo!;
  }
}

const unavailable = () =>
  new StoreError('store/upstream-unavailable', 'nobody answers');

async function somePathInfo(): Promise<PathInfo> {
  const services = memoryServices();
  return addTree(services, 'x', await storeTree('helloWorld', services));
}

describe('a store with upstreams', () => {
  it('fetches a path once however many ask, and keeps it', async () => {
    const pathInfo = await somePathInfo();
    const cache = new CountingCache(pathInfo);
    const inner = new MemoryPathInfoService();
    const service = new SubstitutingPathInfoService(
      inner,
      new Substituter(inner, [new Upstream(cache)]),
    );
    const { digest } = pathInfo.storePath;
    const found = await Promise.all(
      Array.from({ length: 20 }, () => service.get(digest)),
    );
    expect(
      found.every((one) => one?.storePath.equals(pathInfo.storePath)),
    ).toBe(true);
    expect([cache.finds, cache.fetches]).toStrictEqual([1, 1]);
    expect(await inner.get(digest)).toBeDefined();
    await service.get(digest);
    expect(cache.fetches).toBe(1);
  });

  it('remembers for a while that nobody has a path', async () => {
    let now = 0;
    const cache = new CountingCache();
    const substituter = new Substituter(
      new MemoryPathInfoService(),
      [new Upstream(cache)],
      { negativeTtlMs: 1000, now: () => now },
    );
    const absent = new Uint8Array(20);
    await substituter.fetch(absent);
    await substituter.find(absent);
    expect(cache.finds).toBe(1);
    now = 1001;
    await substituter.find(absent);
    expect(cache.finds).toBe(2);
  });

  it('asks the next upstream where one has nothing or fails, and tells who failed', async () => {
    const pathInfo = await somePathInfo();
    const failing = new CountingCache();
    failing.failure = new StoreError('store/upstream-corrupt', 'bad');
    const told: unknown[] = [];
    const inner = new MemoryPathInfoService();
    const substituter = new Substituter(inner, [
      new Upstream(new CountingCache()),
      new Upstream(failing, { onFailure: (error) => told.push(error) }),
      new Upstream(new CountingCache(pathInfo)),
    ]);
    expect(await substituter.fetch(pathInfo.storePath.digest)).toBeDefined();
    expect(told).toStrictEqual([failing.failure]);
  });

  it('asks an upstream that is dead once, and again after a while', async () => {
    let now = 0;
    const dead = new CountingCache();
    dead.failure = unavailable();
    const upstream = new Upstream(dead, { backOffMs: 1000, now: () => now });
    const substituter = new Substituter(
      new MemoryPathInfoService(),
      [upstream],
      { now: () => now },
    );
    for (let i = 0; i < 5; i++)
      expect(
        await substituter.find(new Uint8Array(20).fill(i)),
      ).toBeUndefined();
    expect(dead.finds).toBe(1);
    now = 1001;
    await substituter.find(new Uint8Array(20));
    expect(dead.finds).toBe(2);
  });

  it('remembers who has nothing, though another can not be reached', async () => {
    const dead = new CountingCache();
    dead.failure = unavailable();
    const empty = new CountingCache();
    const substituter = new Substituter(
      new MemoryPathInfoService(),
      [new Upstream(dead), new Upstream(empty)],
      { now: () => 0 },
    );
    for (let i = 0; i < 3; i++)
      expect(await substituter.find(new Uint8Array(20))).toBeUndefined();
    expect([dead.finds, empty.finds]).toStrictEqual([1, 1]);
  });

  it('does not take the failure of an upstream for absence that lasts', async () => {
    const cache = new CountingCache(await somePathInfo());
    cache.failure = new StoreError('store/upstream-refused', 'answered 500');
    const substituter = new Substituter(new MemoryPathInfoService(), [
      new Upstream(cache),
    ]);
    const { digest } = cache.pathInfo!.storePath;
    expect(await substituter.fetch(digest)).toBeUndefined();
    cache.failure = undefined;
    expect(await substituter.fetch(digest)).toBeDefined();
  });

  it('fetches from the next upstream where one has the narinfo but no sound NAR', async () => {
    const pathInfo = await somePathInfo();
    const broken = new CountingCache(pathInfo);
    broken.fetch = async () => {
      throw new StoreError('store/upstream-corrupt', 'the NAR is missing');
    };
    const sound = new CountingCache(pathInfo);
    const substituter = new Substituter(new MemoryPathInfoService(), [
      new Upstream(broken),
      new Upstream(sound),
    ]);
    expect(await substituter.fetch(pathInfo.storePath.digest)).toBeDefined();
    expect([broken.finds, sound.fetches]).toStrictEqual([1, 1]);
  });

  it('does not take a failure of its own store for absence', async () => {
    const cache = new CountingCache(await somePathInfo());
    cache.fetch = async () => {
      throw new CastoreError('castore/no-space', 'the disk is full');
    };
    const told: unknown[] = [];
    const substituter = new Substituter(new MemoryPathInfoService(), [
      new Upstream(cache, { onFailure: (error) => told.push(error) }),
    ]);
    const { digest } = cache.pathInfo!.storePath;
    await expect(substituter.fetch(digest)).rejects.toMatchObject({
      code: 'castore/no-space',
    });
    expect(told).toStrictEqual([]);
  });

  it('takes what castore refuses of a NAR for a failure of the upstream', async () => {
    const cache = new CountingCache(await somePathInfo());
    cache.fetch = async () => {
      throw new CastoreError('castore/limit-exceeded', 'a huge directory');
    };
    const substituter = new Substituter(new MemoryPathInfoService(), [
      new Upstream(cache),
    ]);
    const { digest } = cache.pathInfo!.storePath;
    expect(await substituter.fetch(digest)).toBeUndefined();
  });

  it('goes on for others where one who asked gives up', async () => {
    const pathInfo = await somePathInfo();
    let release = (): void => {};
    const cache = new CountingCache(pathInfo);
    const gate = new Promise<void>((resolve) => (release = resolve));
    cache.fetch = async () => {
      await gate;
      return pathInfo;
    };
    const inner = new MemoryPathInfoService();
    const substituter = new Substituter(inner, [new Upstream(cache)]);
    const abort = new AbortController();
    const { digest } = pathInfo.storePath;
    const first = substituter.fetch(digest, { signal: abort.signal });
    const second = substituter.fetch(digest);
    abort.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    release();
    expect(await second).toBeDefined();
  });
});

describe('a binary cache with an upstream', () => {
  it('answers narinfos of what it lacks, and fetches when the NAR is asked for', async () => {
    await using there = await StartedCache.start();
    const node = await storeTree('complicated', there.services);
    const pathInfo = await addTree(there.services, 'x', node);
    const nar = await narOf(there.services, node);
    const services = memoryServices();
    const upstream = new Upstream(
      new NixHttpPathInfoService(new URL(there.url), services),
    );
    const substituter = new Substituter(services.pathInfos, [upstream]);
    await using here = await StartedCache.start({}, {}, {
      ...services,
      substituter,
    } as typeof services);
    const { hashPart, digest } = pathInfo.storePath;
    const { status, text } = await here.get(`/${hashPart}.narinfo`);
    expect(status).toBe(200);
    expect(await services.pathInfos.get(digest)).toBeUndefined();
    const { body } = await here.get(`/${parseNarInfo(text).url}`);
    expect(nar.equals(body)).toBe(true);
    expect(await services.pathInfos.get(digest)).toBeDefined();
    expect((await here.get(`/${'0'.repeat(32)}.narinfo`)).status).toBe(404);
  });
});
