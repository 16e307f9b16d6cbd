import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { B3Digest } from '../../src/digest/b3-digest.ts';
import { hashBytes } from '../../src/digest/hasher.ts';
import { LocalDirectoryService } from '../../src/directory-service/local.ts';
import { CastoreError } from '../../src/errors.ts';
import { LmdbIndex } from '../../src/local-store/index/lmdb-index.ts';
import { RecordKind } from '../../src/local-store/packs/record.ts';
import { Directory } from '../../src/node/directory.ts';
import { pathComponent } from '../../src/path/path-component.ts';
import { Faults } from '../local-store/faults.ts';
import { indexWithCommit } from '../local-store/index-with-commit.ts';
import { TemporaryStore } from '../local-store/temporary-store.ts';

let temporary: TemporaryStore;
let directories: LocalDirectoryService;

beforeEach(async () => {
  temporary = await TemporaryStore.create();
  directories = new LocalDirectoryService(temporary.store);
});

afterEach(() => temporary.destroy());

function directoryOf(children: Record<string, Directory>): Directory {
  return Directory.fromEntries(
    Object.entries(children).map(([name, { digest, size }]) => ({
      name: pathComponent(Buffer.from(name)),
      node: { type: 'directory', digest, size },
    })),
  );
}

async function recursive(root: B3Digest): Promise<string[]> {
  const found: string[] = [];
  for await (const directory of directories.getRecursive(root))
    found.push(directory.digest.toHex());
  return found;
}

const leaf = Directory.EMPTY;
const left = directoryOf({ leaf });
const right = directoryOf({ leaf, left });
const root = directoryOf({ left, right });

describe('LocalDirectoryService', () => {
  it('gives back what was put, also after it was reopened', async () => {
    await directories.put(left);
    directories = new LocalDirectoryService(await temporary.reopen());
    const found = await directories.get(left.digest);
    expect(found!.digest.equals(left.digest)).toBe(true);
    expect(await directories.get(right.digest)).toBeUndefined();
  });

  it('keeps the empty directory apart from the empty blob', async () => {
    await directories.put(leaf);
    expect(temporary.store.has(RecordKind.chunk, leaf.digest.bytes)).toBe(
      false,
    );
    expect((await directories.get(leaf.digest))!.entries).toEqual([]);
  });

  it('walks a tree breadth first, each directory once', async () => {
    const putter = directories.putMultipleStart();
    for (const directory of [leaf, left, right, root])
      await putter.put(directory);
    expect((await putter.close()).equals(root.digest)).toBe(true);
    expect(await recursive(root.digest)).toEqual(
      [root, left, right, leaf].map(({ digest }) => digest.toHex()),
    );
  });

  it('ends a walk at a directory that is missing', async () => {
    await directories.put(root);
    await expect(recursive(root.digest)).rejects.toMatchObject({
      code: 'castore/directory-not-found',
    });
  });

  it('refuses to close a putter that nothing was put into', async () => {
    await expect(directories.putMultipleStart().close()).rejects.toMatchObject({
      code: 'castore/nothing-put',
    });
  });

  it('refuses a putter that was closed', async () => {
    const putter = directories.putMultipleStart();
    await putter.put(leaf);
    await putter.close();
    expect(putter.isClosed).toBe(true);
    await expect(putter.put(leaf)).rejects.toMatchObject({
      code: 'castore/closed',
    });
    await expect(putter.close()).rejects.toMatchObject({
      code: 'castore/closed',
    });
  });

  it('stores nothing behind directories that could not be stored', async () => {
    const faults = new Faults();
    const { fileSystem } = faults;
    const store = await temporary.reopen({ fileSystem, threads: 0 });
    directories = new LocalDirectoryService(store);
    const leaves = Array.from({ length: 512 }, (_, i) =>
      directoryOf({ [`${i}`]: leaf }),
    );
    const parent = directoryOf(
      Object.fromEntries(leaves.map((child, i) => [`${i}`, child])),
    );
    faults.failing.set('writev', 'ENOSPC');
    const putter = directories.putMultipleStart();
    for (const directory of leaves) await putter.put(directory);
    // Takes its turn behind them.
    const noSpace = { code: 'castore/no-space' };
    await expect(directories.put(leaf)).rejects.toMatchObject(noSpace);
    faults.lift();
    const put = async (): Promise<void> => {
      await putter.put(parent);
      await putter.close();
    };
    await expect(put()).rejects.toMatchObject(noSpace);
    await putter.abort();
    await directories.put(leaf);
    expect(await directories.get(leaves[0]!.digest)).toBeUndefined();
    expect(await directories.get(parent.digest)).toBeUndefined();
  });

  it('does not close well after a put that failed', async () => {
    let isBroken = false;
    const store = await temporary.reopen({
      openIndex: (directory, options) => {
        const index = LmdbIndex.open(directory, options);
        return {
          ...indexWithCommit(index, (...args) => index.commit(...args)),
          get(key) {
            if (isBroken) throw new CastoreError('castore/io', 'broken');
            return index.get(key);
          },
        };
      },
    });
    const putter = new LocalDirectoryService(store).putMultipleStart();
    for (let i = 1; i < 512; i += 1)
      await putter.put(directoryOf({ [`${i}`]: leaf }));
    isBroken = true;
    const failure = { code: 'castore/io' };
    await expect(putter.put(left)).rejects.toMatchObject(failure);
    isBroken = false;
    expect(putter.isClosed).toBe(true);
    await expect(putter.close()).rejects.toMatchObject(failure);
  });

  it('refuses bytes that are no directory, although their digest is right', async () => {
    const bytes = Buffer.from('no directory');
    const digest = hashBytes(bytes);
    await temporary.store.put([
      { kind: RecordKind.directory, key: digest.bytes, bytes },
    ]);
    await expect(directories.get(digest)).rejects.toMatchObject({
      code: 'castore/corrupt-directory',
    });
  });

  it('refuses a directory whose bytes were damaged, and is healed by another put', async () => {
    await directories.put(right);
    await temporary.close();
    const pack = temporary.packFiles()[0]!;
    const stored = fs.readFileSync(pack);
    stored[stored.indexOf('leaf')]! ^= 1;
    fs.writeFileSync(pack, stored);
    directories = new LocalDirectoryService(await temporary.reopen());
    await expect(directories.get(right.digest)).rejects.toMatchObject({
      code: 'castore/corrupt-directory',
    });
    await directories.put(right);
    expect(await directories.get(right.digest)).toBeDefined();
  });
});
