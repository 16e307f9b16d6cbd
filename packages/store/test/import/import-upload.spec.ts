import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  LocalBlobService,
  LocalDirectoryService,
  openLocalStore,
} from '@tvix/castore';
import type { LocalStore } from '@tvix/castore';
import { importPath } from '../../src/import/import-path.ts';
import { RenderingNarCalculation } from '../../src/nar/rendering-calculation.ts';
import { localTreeUpload } from '../../src/nar/tree-upload.ts';
import type { TreeUpload } from '../../src/nar/tree-upload.ts';
import { LocalPathInfoService } from '../../src/path-info-service/local.ts';
import type { Store } from '../../src/store.ts';
import { BLOBS } from '../fixtures.ts';

let folder: string;
let localStore: LocalStore;
let store: Store;
let finished: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'store-import-upload-'));
  localStore = await openLocalStore(join(folder, 'store'), { reserveBytes: 0 });
  store = {
    blobs: new LocalBlobService(localStore),
    directories: new LocalDirectoryService(localStore),
    pathInfos: new LocalPathInfoService(localStore),
  };
  finished = 0;
});
afterEach(async () => {
  await localStore.close();
  await rm(folder, { recursive: true });
});

function openUpload(): TreeUpload {
  const upload = localTreeUpload(localStore);
  return {
    ...upload,
    finish: () => {
      finished++;
      return upload.finish();
    },
  };
}

async function storedPaths(): Promise<number> {
  let count = 0;
  for await (const _ of store.pathInfos.list()) count++;
  return count;
}

describe('an import that waits once, at its end', () => {
  it('has everything stored that its path info leads to', async () => {
    await writeFile(join(folder, 'root'), BLOBS.helloWorld);
    const { node, storePath, narInfo } = await importPath(
      join(folder, 'root'),
      store,
      { openUpload },
    );
    expect(storePath.toString()).toBe('zhyr2cw9j1s4yxi24fy1gpbcxilibd45-root');
    const calculation = new RenderingNarCalculation(store);
    expect(await calculation.calculateNar(node)).toEqual({
      narSize: narInfo!.narSize,
      narSha256: narInfo!.narSha256,
    });
    expect(finished).toBe(1);
  });

  it('names nothing that could not be made durable', async () => {
    await writeFile(join(folder, 'root'), BLOBS.helloWorld);
    const error = new Error('the disk is full');
    await expect(
      importPath(join(folder, 'root'), store, {
        openUpload: () => ({
          ...openUpload(),
          finish: () => Promise.reject(error),
        }),
      }),
    ).rejects.toBe(error);
    expect(await storedPaths()).toBe(0);
  });

  it('lets go of what it put when it fails', async () => {
    await expect(
      importPath(join(folder, 'nothing'), store, { openUpload }),
    ).rejects.toMatchObject({ code: 'castore/unable-to-open' });
    expect(finished).toBe(1);
    expect(localStore.interior.writing!.leases.oldestMs()).toBeUndefined();
  });
});
