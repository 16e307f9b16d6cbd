import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  LocalBlobService,
  LocalDirectoryService,
  openLocalStore,
} from '@tvix/castore';
import type { LocalStore } from '@tvix/castore';
import { StorePath } from '@tvix/nar';
import { localUploads } from '../../src/binary-cache/upload-storage.ts';
import type { UploadStorage } from '../../src/binary-cache/upload-storage.ts';
import { isTreeStored } from '../../src/nar/is-tree-stored.ts';
import { PathInfo } from '../../src/path-info/path-info.ts';
import { LocalPathInfoService } from '../../src/path-info-service/local.ts';
import { storeTree } from '../fixtures.ts';

const STORE_PATH = StorePath.parse('00000000000000000000000000000001-built');

let folder: string;
let store: LocalStore;
let storage: UploadStorage;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'store-uploads-'));
  store = await openLocalStore(folder, { reserveBytes: 0 });
  storage = localUploads(store)();
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

async function pathOfTree(): Promise<PathInfo> {
  const node = await storeTree('complicated', storage);
  return PathInfo.createBare(STORE_PATH, node);
}

describe('an upload into a local store', () => {
  it('is finished when the path is durable that was put while it was being finished', async () => {
    const pathInfo = await pathOfTree();
    const finished = storage.finish();
    await storage.pathInfos.put(pathInfo);
    await finished;
    await store.close();

    store = await openLocalStore(folder, { reserveBytes: 0 });
    const found = await new LocalPathInfoService(store).get(STORE_PATH.digest);
    expect(found?.encode()).toStrictEqual(pathInfo.encode());
    const trees = {
      blobs: new LocalBlobService(store),
      directories: new LocalDirectoryService(store),
    };
    expect(await isTreeStored(pathInfo.node, trees)).toBe(true);
  });

  it('shows no path before the tree that it leads to', async () => {
    const pathInfo = await pathOfTree();
    await storage.pathInfos.put(pathInfo);
    const pathInfos = new LocalPathInfoService(store);
    expect(pathInfos.getNow(STORE_PATH.digest)).toBeUndefined();
    await storage.finish();
    expect(pathInfos.getNow(STORE_PATH.digest)).toBeDefined();
  });
});
