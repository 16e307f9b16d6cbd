import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  collectGarbage,
  Directory,
  LocalBlobService,
  LocalDirectoryService,
  MemoryBlobService,
  MemoryDirectoryService,
  openLocalStore,
  pathComponent,
} from '@tvix/castore';
import type { LocalStore, Node } from '@tvix/castore';
import { seededBytes } from '@tvix/castore/conformance';
import { copyTree } from '../../src/copy/copy-tree.ts';
import { isTreeStored } from '../../src/nar/is-tree-stored.ts';
import type { TreeStorage } from '../../src/nar/tree-storage.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

let path: string;
let store: LocalStore;
let nowMs: number;

beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), 'rebuilt-index-'));
  nowMs = Date.UTC(2026, 0, 1);
  store = await open();
});

afterEach(async () => {
  await store.close();
  rmSync(path, { recursive: true });
});

function open(): Promise<LocalStore> {
  return openLocalStore(path, {
    reserveBytes: 0,
    packTargetBytes: 50_000,
    threads: 0,
    now: () => nowMs,
  });
}

function servicesOf(local: LocalStore): TreeStorage {
  return {
    blobs: new LocalBlobService(local),
    directories: new LocalDirectoryService(local),
  };
}

async function putFile(
  { blobs }: TreeStorage,
  contents: Uint8Array,
): Promise<Node> {
  const [digest] = await blobs.putMany([contents]);
  const size = BigInt(contents.length);
  return { type: 'file', digest: digest!, size, executable: false };
}

async function putDirectory(
  { directories }: TreeStorage,
  node: Node,
): Promise<Node> {
  const directory = Directory.fromEntries([{ name: pathComponent('a'), node }]);
  const digest = await directories.put(directory);
  return { type: 'directory', digest, size: directory.size };
}

describe('a store whose index was made again', () => {
  it('has directories of collected trees again, and nobody takes them for the trees', async () => {
    const source = {
      blobs: new MemoryBlobService(),
      directories: new MemoryDirectoryService(),
    };
    const contents = seededBytes(60_000, 1);
    let target = servicesOf(store);
    // The contents fill a pack that will be removed; the directories lie in one that stays.
    await putFile(target, contents);
    const inner = await putDirectory(source, await putFile(source, contents));
    const root = await putDirectory(source, inner);
    await copyTree(root, source, target);
    const kept = await putFile(target, seededBytes(60_000, 2));
    expect(await isTreeStored(root, target)).toBe(true);

    nowMs += 2 * DAY_MS;
    const roots = (async function* () {
      yield kept;
    })();
    const { packs } = await collectGarbage(store, { roots });
    expect(packs.removed).toBe(1);
    await store.close();
    rmSync(join(path, 'meta'), { recursive: true });
    store = await open();

    target = servicesOf(store);
    if (root.type !== 'directory') throw new Error('no directory');
    expect(await target.directories.get(root.digest)).toBeDefined();
    expect(await isTreeStored(root, target)).toBe(false);
    await copyTree(root, source, target);
    expect(await isTreeStored(root, target)).toBe(true);
  });
});
