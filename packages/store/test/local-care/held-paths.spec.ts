import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HeldPaths, localPathHolds } from '../../src/local-care/held-paths.ts';
import { collectStore } from '../../src/local-care/collect.ts';
import { deletePaths } from '../../src/local-care/delete-paths.ts';
import type { BinaryCacheServices } from '../../src/binary-cache/context.ts';
import { localCacheTables } from '../../src/binary-cache/tables.ts';
import { RenderingNarCalculation } from '../../src/nar/rendering-calculation.ts';
import type { PathInfo } from '../../src/path-info/path-info.ts';
import { LocalPathInfoService } from '../../src/path-info-service/local.ts';
import { storeTree } from '../fixtures.ts';
import {
  fileName,
  memoryServices,
  narInfoOf,
  narOf,
  StartedCache,
} from '../binary-cache/started-cache.ts';
import { LocalNixStore } from './local-nix-store.ts';

const HOUR_MS = 3_600_000;
const RULES = { keepNewerThanMs: HOUR_MS };

let nowMs: number;
let store: LocalNixStore;
let reference: PathInfo;

beforeEach(async () => {
  nowMs = Date.UTC(2026, 0, 1);
  store = await LocalNixStore.create({ now: () => nowMs });
  reference = await store.import('reference', { file: 'contents' });
  await store.reopen();
  nowMs += 100 * HOUR_MS;
});
afterEach(() => store.destroy());

async function names(): Promise<string[]> {
  const found: string[] = [];
  for await (const { storePath } of store.pathInfos.list())
    found.push(storePath.name);
  return found.sort();
}

/** Path infos of which something becomes when one was found, before it is told. */
class Interrupted extends LocalPathInfoService {
  onFound: (pathInfo: PathInfo) => Promise<void> = async () => {};

  override async get(outputHash: Uint8Array): Promise<PathInfo | undefined> {
    const found = await super.get(outputHash);
    if (found !== undefined) await this.onFound(found);
    return found;
  }
}

describe('a path that an uploaded narinfo refers to', () => {
  let pathInfos: Interrupted;
  let cache: StartedCache<BinaryCacheServices>;
  let nar: Buffer;

  beforeEach(async () => {
    const { localStore, blobs, directories } = store;
    pathInfos = new Interrupted(localStore);
    const services = {
      blobs,
      directories,
      pathInfos,
      narCalculation: new RenderingNarCalculation(store),
      tables: localCacheTables(localStore),
      holdPaths: localPathHolds(localStore),
    };
    cache = await StartedCache.start<BinaryCacheServices>({}, {}, services);
    const elsewhere = memoryServices();
    nar = await narOf(elsewhere, await storeTree('complicated', elsewhere));
    await cache.put(`/${fileName(nar)}`, nar);
  });
  afterEach(() => cache[Symbol.asyncDispose]());

  async function upload(): Promise<number> {
    const { storePath, text } = narInfoOf(nar, {
      references: [reference.storePath],
    });
    const answer = await cache.put(`/${storePath.hashPart}.narinfo`, text);
    return answer.status;
  }

  it('is kept when a collection comes after the look at it', async () => {
    pathInfos.onFound = async () => void (await collectStore(store, RULES));
    expect(await upload()).toBe(200);
    expect(await names()).toEqual(['built', 'reference']);
  });

  it('is not deleted after the look at it', async () => {
    pathInfos.onFound = async () => {
      const deleted = deletePaths(store.localStore, [reference.storePath]);
      await expect(deleted).rejects.toMatchObject({
        code: 'store/path-in-use',
      });
    };
    expect(await upload()).toBe(200);
    expect(await names()).toEqual(['built', 'reference']);
  });

  it('goes like any other once the upload was refused', async () => {
    pathInfos.onFound = async () => {
      throw new Error('broken');
    };
    expect(await upload()).toBe(409);
    expect(await collectStore(store, RULES)).toMatchObject({ paths: 1 });
    expect(await names()).toEqual([]);
  });
});

describe('HeldPaths', () => {
  const hash = new Uint8Array(20).fill(1);

  it('holds a path when its removal that is under way has ended', async () => {
    const held = new HeldPaths();
    const told: string[] = [];
    let end = (): void => {};
    const removed = held.remove(
      [hash],
      () => new Promise<void>((r) => (end = r)),
    );
    const other = await held.hold([new Uint8Array(20)]);
    const holding = held.hold([hash]).then(() => told.push('held'));
    end();
    await removed.then(() => told.push('removed'));
    await holding;
    expect(told).toEqual(['removed', 'held']);
    other();
  });

  it('holds a path that could not be removed', async () => {
    const held = new HeldPaths();
    const removed = held.remove([hash], async () => {
      throw new Error('full');
    });
    const holding = held.hold([hash]);
    await expect(removed).rejects.toThrow('full');
    await holding;
    expect([...held.names()]).toHaveLength(1);
  });

  it('holds a path until the last who holds it lets go, each once', async () => {
    const held = new HeldPaths();
    const first = await held.hold([hash, hash]);
    const second = await held.hold([hash]);
    first();
    first();
    expect([...held.names()]).toHaveLength(1);
    second();
    expect([...held.names()]).toHaveLength(0);
  });
});
