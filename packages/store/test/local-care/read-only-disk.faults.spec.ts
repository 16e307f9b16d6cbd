import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  hashBytes,
  LocalBlobService,
  LocalDirectoryService,
  openLocalStore,
  verifyLocalStore,
} from '@tvix/castore';
import type { LocalStore } from '@tvix/castore';
import { LocalPathInfoService } from '../../src/path-info-service/local.ts';
import { assertBlobs } from './busy-ledger.ts';
import { BUSY_OPTIONS, busyBlob, busyPath, busyTree } from './busy-trees.ts';
import { Ext4Disk } from './ext4-disk.ts';

/** Refused by the file system, or nothing more is taken. */
const REFUSED = { code: expect.stringMatching(/^castore\/(io|store-failed)$/) };

const missing = Ext4Disk.missing();

let disk: Ext4Disk;
let store: LocalStore;

async function reopen(): Promise<void> {
  await store?.close();
  store = await openLocalStore(join(disk.path, 'store'), BUSY_OPTIONS);
}

const expectStored = (seeds: readonly number[]): Promise<void> =>
  assertBlobs(new LocalBlobService(store), seeds.map(busyBlob));

describe('a store whose disk takes nothing more while it writes', () => {
  if (missing !== undefined) {
    it(`is left alone on this machine (skipped: ${missing})`, () => {
      expect(missing).not.toBe('');
    });
    return;
  }

  beforeEach(async () => {
    disk = Ext4Disk.create();
    await reopen();
  });
  afterEach(async () => {
    await store.close();
    disk[Symbol.dispose]();
  });

  it('refuses, serves what it has, and has all of it and nothing else once the disk was mounted again', async () => {
    const seeds = Array.from({ length: 40 }, (_, i) => i + 1);
    const blobs = new LocalBlobService(store);
    for (const seed of seeds) await blobs.putMany([busyBlob(seed)]);
    const pathInfos = new LocalPathInfoService(store);
    const tree = busyTree(1);

    disk.turnReadOnly();
    for (const seed of [100, 104, 117])
      await expect(blobs.putMany([busyBlob(seed)])).rejects.toMatchObject(
        REFUSED,
      );
    await expect(
      new LocalDirectoryService(store).put(tree.directories[0]!),
    ).rejects.toMatchObject(REFUSED);
    await expect(pathInfos.put(tree.pathInfo)).rejects.toMatchObject(REFUSED);
    await expectStored(seeds);
    expect(await pathInfos.get(busyPath(1).digest)).toBeUndefined();

    await store.close();
    disk.restart();
    await reopen();
    await expectStored(seeds);
    const again = new LocalBlobService(store);
    expect(await again.has(hashBytes(busyBlob(100)))).toBe(false);
    expect(
      await new LocalPathInfoService(store).get(busyPath(1).digest),
    ).toBeUndefined();
    expect((await verifyLocalStore(store)).damages).toBe(0);
    await again.putMany([busyBlob(100)]);
    await expectStored([100]);
  });
});
