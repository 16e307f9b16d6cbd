import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Node } from '@tvix/castore';
import { encodeNixBase32, StorePath } from '@tvix/nar';
import {
  BinaryCache,
  createBinaryCacheServer,
  localCacheTables,
  openAccess,
} from '../../src/binary-cache/index.ts';
import { putUploadedNar } from '../../src/binary-cache/uploaded-nar.ts';
import { LocalNarCalculationCache } from '../../src/nar/local-calculation-cache.ts';
import { calculationKey } from '../../src/nar/calculation-key.ts';
import { RenderingNarCalculation } from '../../src/nar/rendering-calculation.ts';
import { PathInfo } from '../../src/path-info/path-info.ts';
import { LocalStoreCare } from '../../src/store-care/local.ts';
import { LocalNixStore } from './local-nix-store.ts';

const HOUR_MS = 3_600_000;
const FILE_SHA256 = new Uint8Array(32).fill(7);
const FILE = `nar/${encodeNixBase32(FILE_SHA256)}.nar.xz`;
const REALISATION = `realisations/sha256:${'ab'.repeat(32)}!out.doi`;
const BUILD_ID = `debuginfo/${'cd'.repeat(20)}.debug`;

let nowMs: number;
let store: LocalNixStore;
let care: LocalStoreCare;
let close: () => Promise<void>;
let base: string;

beforeEach(async () => {
  nowMs = Date.UTC(2026, 0, 1);
  store = await LocalNixStore.create({ now: () => nowMs });
  care = new LocalStoreCare(store.localStore);
  const cache = new BinaryCache({
    ...store,
    blobs: store.blobs,
    narCalculation: new RenderingNarCalculation(store),
    tables: localCacheTables(store.localStore),
  });
  const server = createBinaryCacheServer(cache, {
    access: openAccess(['read', 'write']),
  });
  await new Promise<void>((resolve) =>
    server.listen({ port: 0, host: '127.0.0.1' }, resolve),
  );
  const { port } = server.address() as { port: number };
  base = `http://127.0.0.1:${port}`;
  close = () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
});
afterEach(async () => {
  await close();
  await store.destroy();
});

async function statusOf(path: string): Promise<number> {
  const response = await fetch(`${base}/${path}`);
  await response.arrayBuffer();
  return response.status;
}

async function upload(path: string, body: string): Promise<void> {
  const { status } = await fetch(`${base}/${path}`, { method: 'PUT', body });
  expect([200, 201, 204]).toContain(status);
}

/** A path with everything that may stand beside it, and where the cache serves that. */
async function furnish(name: string): Promise<{
  pathInfo: PathInfo;
  resources: string[];
}> {
  const imported = await store.import(name, { file: name });
  const deriver = StorePath.fromNameAndDigest(name, new Uint8Array(20).fill(9));
  const narInfo = { ...imported.narInfo!, deriver };
  const { storePath, node } = imported;
  const pathInfo = PathInfo.create(storePath, node, narInfo);
  await store.pathInfos.put(pathInfo);
  const { narSha256, narSize } = narInfo;
  await putUploadedNar(localCacheTables(store.localStore).nars, FILE_SHA256, {
    node,
    narSha256,
    narSize,
    compression: 'xz',
    fileSize: 1,
  });
  await upload(
    REALISATION,
    JSON.stringify({
      id: REALISATION.slice('realisations/'.length, -'.doi'.length),
      outPath: storePath.toString(),
      signatures: [],
      dependentRealisations: {},
    }),
  );
  const log = `log/${deriver.toString()}.drv`;
  await upload(log, 'built');
  const archive = `../nar/${FILE.slice('nar/'.length)}`;
  await upload(BUILD_ID, JSON.stringify({ archive, member: 'lib/debug' }));
  const resources = [
    `${storePath.hashPart}.narinfo`,
    `nar/${storePath.hashPart}-${encodeNixBase32(narSha256)}.nar`,
    FILE,
    REALISATION,
    log,
    BUILD_ID,
  ];
  return { pathInfo, resources };
}

describe('a binary cache whose path was deleted', () => {
  it('has nothing of it any more', async () => {
    const { pathInfo, resources } = await furnish('a');
    for (const path of resources)
      expect([path, await statusOf(path)]).toEqual([path, 200]);
    await care.deletePaths([pathInfo.storePath]);
    for (const path of resources)
      expect([path, await statusOf(path)]).toEqual([path, 404]);
  });

  it('has nothing of it after a collection that forgot it', async () => {
    const { resources } = await furnish('a');
    nowMs += 100 * HOUR_MS;
    const { paths } = await care.collect({ keepNewerThanMs: HOUR_MS });
    expect(paths).toBe(1);
    for (const path of resources)
      expect([path, await statusOf(path)]).toEqual([path, 404]);
  });

  it('keeps what another path shares', async () => {
    const { pathInfo, resources } = await furnish('a');
    const twin = PathInfo.create(
      StorePath.fromNameAndDigest('twin', new Uint8Array(20).fill(5)),
      pathInfo.node,
      pathInfo.narInfo!,
    );
    await store.pathInfos.put(twin);
    await care.deletePaths([pathInfo.storePath]);
    const [narInfo, nar, file, realisation, log, debug] = resources;
    for (const path of [narInfo!, nar!, realisation!])
      expect([path, await statusOf(path)]).toEqual([path, 404]);
    for (const path of [file!, log!, debug!])
      expect([path, await statusOf(path)]).toEqual([path, 200]);
  });

  it('keeps what was uploaded ahead of its path, until it is old', async () => {
    const { resources } = await furnish('a');
    const { pathInfo } = await furnish('b');
    // Whoever uploads has not come to the path yet.
    await store.pathInfos.delete([pathInfo.storePath.digest]);
    await care.collect();
    const early = [REALISATION, BUILD_ID, FILE];
    for (const path of early)
      expect([path, await statusOf(path)]).toEqual([path, 200]);
    nowMs += 100 * HOUR_MS;
    await care.collect();
    for (const path of early)
      expect([path, await statusOf(path)]).toEqual([path, 404]);
    expect(await statusOf(resources[0]!)).toBe(200);
  });
});

describe('calculations', () => {
  it('go with the trees that they are of', async () => {
    const kept = await store.import('a', { file: 'kept' });
    const lost = await store.import('b', { file: 'lost' });
    const cache = new LocalNarCalculationCache(store.localStore);
    const keyOf = ({ node }: { node: Node }): Uint8Array => {
      if (node.type === 'symlink') throw new Error('a symlink has no key');
      return calculationKey(node);
    };
    for (const pathInfo of [kept, lost])
      await cache.set(keyOf(pathInfo), pathInfo.narInfo!);
    await care.deletePaths([lost.storePath]);
    nowMs += 100 * HOUR_MS;
    await care.collect();
    expect(await cache.get(keyOf(kept))).toBeDefined();
    expect(await cache.get(keyOf(lost))).toBeUndefined();
  });
});
