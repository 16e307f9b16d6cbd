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
  it.each(['while it is being finished', 'when it was finished'])(
    'has the path durably that was put %s',
    async (when) => {
      const pathInfo = await pathOfTree();
      const finished = storage.finish();
      if (when === 'when it was finished') await finished;
      await storage.pathInfos.put(pathInfo);
      // What shows is durable.
      const shown = new LocalPathInfoService(store).getNow(STORE_PATH.digest);
      expect(shown).toBeDefined();
      await finished;
      await store.close();

      store = await openLocalStore(folder, { reserveBytes: 0 });
      const found = await new LocalPathInfoService(store).get(
        STORE_PATH.digest,
      );
      expect(found?.encode()).toStrictEqual(pathInfo.encode());
      const trees = {
        blobs: new LocalBlobService(store),
        directories: new LocalDirectoryService(store),
      };
      expect(await isTreeStored(pathInfo.node, trees)).toBe(true);
    },
  );

  it('shows no path before the tree that it leads to', async () => {
    const pathInfo = await pathOfTree();
    const put = storage.pathInfos.put(pathInfo);
    const pathInfos = new LocalPathInfoService(store);
    expect(pathInfos.getNow(STORE_PATH.digest)).toBeUndefined();
    await Promise.all([put, storage.finish()]);
    expect(pathInfos.getNow(STORE_PATH.digest)).toBeDefined();
  });
});
