import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hashBytes, openLocalStore, repairLocalStore } from '@tvix/castore';
import type { LocalStore } from '@tvix/castore';
import { collectStore } from '../../src/local-care/collect.ts';
import { isTreeStored } from '../../src/nar/is-tree-stored.ts';
import type { PathInfo } from '../../src/path-info/path-info.ts';
import { LocalPathInfoService } from '../../src/path-info-service/local.ts';
import { localServices, RememberingImport } from './remembering-import.ts';
import { useSettledTree } from './settled-tree.ts';

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

const settled = useSettledTree({
  a: 'first',
  'below/b': 'second '.repeat(1000),
});
let folder: string;
let tree: string;
let localStore: LocalStore;
let failures: unknown[];
/** Calls of the last import. */
let looked: { tree: number; blobs: number };

const storeFolder = (): string => join(folder, 'store');
const treesFolder = (): string => join(folder, 'cache', 'trees');

beforeEach(async () => {
  ({ folder, path: tree } = settled);
  failures = [];
  await open();
});
afterEach(() => localStore.close());

async function open(): Promise<LocalStore> {
  localStore = await openLocalStore(storeFolder(), {
    reserveBytes: 0,
    threads: 0,
    now: () => Date.now(),
  });
  return localStore;
}

const services = () => localServices(localStore);

/** What the program does; each time with what lies in files alone. */
async function importTree({ hasReceipts = true } = {}): Promise<PathInfo> {
  const importing = new RememberingImport(localStore, join(folder, 'cache'), {
    receipts: hasReceipts ? localStore.receipts : undefined,
    onFailure: (error) => failures.push(error),
  });
  const { store, trees } = importing;
  looked = { tree: 0, blobs: 0 };
  const { findMissing } = store.blobs;
  store.blobs.findMissing = (digests, options) => {
    looked.blobs += digests.length;
    return findMissing.call(store.blobs, digests, options);
  };
  const begin = trees.begin.bind(trees);
  trees.begin = (path) => {
    looked.tree++;
    return begin(path);
  };
  const pathInfo = await importing.run(tree);
  // Whatever was believed, all of it is there.
  expect(await isTreeStored(pathInfo.node, services())).toBe(true);
  expect(pathInfo.encode()).toEqual(first?.encode() ?? pathInfo.encode());
  return pathInfo;
}

/** What each import of a tree that didn't change answers. */
let first: PathInfo | undefined;
beforeEach(() => {
  first = undefined;
});

const AT_ONCE = { tree: 0, blobs: 0 };
const ASKED_FOR = { tree: 0, blobs: 2 };
const LOOKED_AT = { tree: 1, blobs: 2 };

function removePaths(): Promise<unknown> {
  return collectStore(
    { localStore, pathInfos: new LocalPathInfoService(localStore) },
    { keepNewerThanMs: 0, graceMs: HOUR_MS },
  );
}

describe('an import of a tree that is as it was', () => {
  it('lists nothing, reads nothing and asks for nothing', async () => {
    first = await importTree();
    expect(looked).toEqual({ tree: 1, blobs: 0 });
    await importTree();
    expect(looked).toEqual(AT_ONCE);
    await localStore.close();
    await open();
    await importTree();
    expect(looked).toEqual(AT_ONCE);
  });

  it('registers it again where it was forgotten', async () => {
    first = await importTree();
    const { pathInfos } = services();
    await pathInfos.delete([first.storePath.digest]);
    await importTree();
    expect(looked).toEqual(AT_ONCE);
    expect(await pathInfos.get(first.storePath.digest)).toBeDefined();
  });

  it('is use of it, which a collection of old paths spares', async () => {
    first = await importTree();
    settled.pass(10 * HOUR_MS);
    await importTree();
    expect(looked).toEqual(AT_ONCE);
    settled.pass(HOUR_MS);
    await collectStore(
      { localStore, pathInfos: new LocalPathInfoService(localStore) },
      { keepNewerThanMs: 2 * HOUR_MS, graceMs: HOUR_MS },
    );
    const { pathInfos } = services();
    expect(await pathInfos.get(first.storePath.digest)).toBeDefined();
    expect(await isTreeStored(first.node, services())).toBe(true);
  });

  it('keeps it from a collection that runs at the same moment', async () => {
    first = await importTree();
    await services().pathInfos.delete([first.storePath.digest]);
    settled.pass(2 * DAY_MS);
    const collection = collectStore(
      { localStore, pathInfos: new LocalPathInfoService(localStore) },
      { graceMs: HOUR_MS },
    );
    const imports = [importTree(), collection.then(() => importTree())];
    await Promise.all([collection, ...imports]);
    expect(await isTreeStored(first.node, services())).toBe(true);
  });

  it('is looked at in full after a week, which makes it known for another', async () => {
    first = await importTree();
    settled.pass(8 * DAY_MS);
    await importTree();
    expect(looked).toEqual(LOOKED_AT);
    await importTree();
    expect(looked).toEqual(AT_ONCE);
  });
});

describe('an import of a tree that has changed', () => {
  it('looks at all of it, and knows it anew', async () => {
    const before = await importTree();
    appendFileSync(join(tree, 'below', 'b'), 'more');
    settled.pass(60_000);
    first = await importTree();
    expect(looked).toEqual({ tree: 1, blobs: 1 });
    expect(first.encode()).not.toEqual(before.encode());
    await importTree();
    expect(looked).toEqual(AT_ONCE);
  });

  it('does not know a tree that was written to a moment ago', async () => {
    appendFileSync(join(tree, 'a'), 'more');
    settled.pass(-60_000);
    first = await importTree();
    expect(existsSync(treesFolder())).toBe(false);
    await importTree();
    expect(looked.tree).toBe(1);
  });
});

describe('an import of a tree that is as it was, into a store that is not', () => {
  it('asks for each object after something else was collected, and then trusts again', async () => {
    await services().blobs.putMany([Buffer.from('garbage')]);
    first = await importTree();
    settled.pass(2 * DAY_MS);
    await collectStore(
      { localStore, pathInfos: new LocalPathInfoService(localStore) },
      { graceMs: HOUR_MS },
    );
    await importTree();
    expect(looked).toEqual(ASKED_FOR);
    await importTree();
    expect(looked).toEqual(AT_ONCE);
  });

  it('stores it again after it was collected', async () => {
    first = await importTree();
    settled.pass(2 * DAY_MS);
    await removePaths();
    expect(await isTreeStored(first.node, services())).toBe(false);
    await importTree();
    expect(looked.tree).toBeGreaterThan(0);
    await importTree();
    expect(looked).toEqual(AT_ONCE);
  });

  it('mends damage that was noticed', async () => {
    first = await importTree();
    await expect(readDamaged()).rejects.toMatchObject({
      code: 'castore/corrupt-blob',
    });
    await importTree();
    expect(looked.tree).toBeGreaterThan(0);
  });

  it('mends damage that went to the quarantine', async () => {
    first = await importTree();
    damagePacks();
    await localStore.close();
    const { result, store } = await repairLocalStore(open);
    localStore = store;
    expect(result.lost.length).toBeGreaterThan(0);
    first = undefined;
    await importTree();
    expect(looked.tree).toBeGreaterThan(0);
  });

  it('asks for each object where the index was made again from the packs', async () => {
    first = await importTree();
    await localStore.close();
    rmSync(join(storeFolder(), 'meta'), { recursive: true });
    await open();
    await importTree();
    expect(looked).toEqual(ASKED_FOR);
  });

  it('stores it again in a store that was put back as it had been before', async () => {
    await localStore.close();
    cpSync(storeFolder(), join(folder, 'backup'), { recursive: true });
    await open();
    first = await importTree();
    await localStore.close();
    rmSync(storeFolder(), { recursive: true });
    renameSync(join(folder, 'backup'), storeFolder());
    await open();
    await importTree();
    expect(looked.tree).toBeGreaterThan(0);
  });

  it('does not take a hole for whole that was mended after the store was copied', async () => {
    first = await importTree();
    await expect(readDamaged()).rejects.toMatchObject({
      code: 'castore/corrupt-blob',
    });
    await localStore.close();
    cpSync(storeFolder(), join(folder, 'backup'), { recursive: true });
    await open();
    await importTree();
    await importTree();
    expect(looked).toEqual(AT_ONCE);
    await localStore.close();
    rmSync(storeFolder(), { recursive: true });
    renameSync(join(folder, 'backup'), storeFolder());
    await open();
    expect(await isTreeStored(first.node, services())).toBe(false);
    await importTree();
    expect(looked.tree).toBeGreaterThan(0);
  });

  it('stores it in another store that lies in the same place', async () => {
    first = await importTree();
    await localStore.close();
    rmSync(storeFolder(), { recursive: true });
    await open();
    await importTree();
    expect(looked.tree).toBeGreaterThan(0);
  });

  it('asks for each object where there are no receipts', async () => {
    first = await importTree({ hasReceipts: false });
    await importTree({ hasReceipts: false });
    expect(looked).toEqual(ASKED_FOR);
  });

  /** Damages the contents of a file where they are stored, and reads them. */
  async function readDamaged(): Promise<void> {
    damagePacks();
    const digest = hashBytes(Buffer.from('first'));
    const reader = await services().blobs.openRead(digest);
    for await (const bytes of reader!.read()) void bytes;
  }

  function damagePacks(): void {
    const packs = join(storeFolder(), 'packs');
    for (const name of readdirSync(packs, { recursive: true })) {
      const file = join(packs, String(name));
      if (!file.endsWith('.pack')) continue;
      const bytes = readFileSync(file);
      const at = bytes.indexOf('first');
      if (at >= 0) bytes[at]! ^= 1;
      writeFileSync(file, bytes);
    }
  }
});

describe('what is remembered of a tree', () => {
  const onlyFile = (): string =>
    join(treesFolder(), readdirSync(treesFolder())[0]!);

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['damaged', (bytes) => (bytes.writeUInt8(bytes[90]! ^ 1, 90), bytes)],
    ['cut off', (bytes) => bytes.subarray(0, -1)],
    ['empty', () => Buffer.alloc(0)],
    ['of another kind', (bytes) => (bytes.write('TVXTREE0'), bytes)],
  ])('counts for nothing where its file is %s', async (_, change) => {
    first = await importTree();
    writeFileSync(onlyFile(), change(readFileSync(onlyFile())));
    await importTree();
    expect(looked).toEqual(LOOKED_AT);
  });

  it('is forgotten when it was of no use for long', async () => {
    first = await importTree();
    const other = join(treesFolder(), '1-2');
    writeFileSync(other, '');
    utimesSync(other, 1, 1);
    appendFileSync(join(tree, 'a'), 'more');
    settled.pass(60_000);
    first = undefined;
    await importTree();
    expect(existsSync(other)).toBe(false);
    expect(readdirSync(treesFolder())).toHaveLength(1);
  });

  it('fails no import where it cannot be written', async () => {
    mkdirSync(join(folder, 'cache'));
    writeFileSync(treesFolder(), 'no folder');
    first = await importTree();
    expect(failures).toHaveLength(1);
    await importTree();
    expect(looked).toEqual(LOOKED_AT);
  });
});
