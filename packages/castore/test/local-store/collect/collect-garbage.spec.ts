import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hashBytes } from '../../../src/digest/hasher.ts';
import { LmdbIndex } from '../../../src/local-store/index/lmdb-index.ts';
import { indexWithCommit } from '../index-with-commit.ts';
import { RecordKind } from '../../../src/local-store/packs/record.ts';
import type { Node } from '../../../src/node/node.ts';
import { countLocalStore } from '../../../src/local-store/stats.ts';
import { verifyLocalStore } from '../../../src/local-store/verify/verify-store.ts';
import { randomBytes } from '../../blob-service/random-bytes.ts';
import {
  ClockedStore,
  directoryNode,
  directoryOf,
  fileNode,
} from './clocked-store.ts';

let store: ClockedStore;

beforeEach(async () => {
  store = await ClockedStore.create({ packTargetBytes: 200_000 });
});
afterEach(() => store.temporary.destroy());

const hasNode = (node: Node): Promise<boolean> =>
  node.type === 'symlink'
    ? Promise.resolve(true)
    : node.type === 'file'
      ? store.blobs.has(node.digest)
      : store.directories.get(node.digest).then((found) => found !== undefined);

/** A directory of three blobs and a directory with another. */
async function putTree(seed: number): Promise<{ root: Node; parts: Node[] }> {
  const blobs = [0, 1, 2, 3].map((i) => randomBytes(3000, 10 * seed + i));
  const nodes = await Promise.all(blobs.map((bytes) => store.putBlob(bytes)));
  const inner = await store.putDirectory(nodes.slice(0, 1));
  const root = await store.putDirectory([...nodes.slice(1), inner]);
  return { root, parts: [...nodes, inner, root] };
}

async function areStored(nodes: readonly Node[]): Promise<boolean[]> {
  return Promise.all(nodes.map(hasNode));
}

function packBytes(): number {
  return store.temporary
    .packFiles()
    .reduce((sum, file) => sum + fs.statSync(file).size, 0);
}

function linkOf(file: string): string {
  try {
    return fs.readlinkSync(file);
  } catch {
    return '';
  }
}

describe('collectGarbage', () => {
  it('keeps what a root leads to and removes the rest', async () => {
    const kept = await putTree(1);
    const lost = await putTree(2);
    await store.passHours(25);
    const result = await store.collect([kept.root]);
    expect(result.kept.objects).toBe(6);
    expect(result.collected.objects).toBe(6);
    expect(await areStored(kept.parts)).not.toContain(false);
    expect(await areStored(lost.parts)).not.toContain(true);
  });

  it('keeps the chunks of a large blob with the blob', async () => {
    const bytes = randomBytes(3_000_000, 7);
    const large = await store.putBlob(bytes);
    const other = await store.putBlob(randomBytes(3_000_000, 8));
    await store.passHours(25);
    const { collected } = await store.collect([large]);
    expect(collected.storedBytes).toBeGreaterThan(3_000_000);
    if (large.type !== 'file') throw new Error('not a file');
    const [found] = await store.blobs.getMany([large.digest]);
    expect(found && Buffer.compare(found, bytes)).toBe(0);
    expect(await hasNode(other)).toBe(false);
  });

  it.each(['mark', 'sweep', 'rewrite'] as const)(
    'stops where it is told to, harms nobody, and goes on the next time (%s)',
    async (phase) => {
      const kept = await putTree(1);
      const lost: Node[] = [];
      for (let seed = 0; seed < 40; seed += 1)
        lost.push(await store.putBlob(randomBytes(20_000, 100 + seed)));
      await store.passHours(25);
      const enough = new RangeError('enough');
      const stop = new AbortController();
      const stopped = store.collect([kept.root], {
        signal: stop.signal,
        onProgress(progress) {
          if (progress.phase === phase) stop.abort(enough);
        },
      });
      // The last phase has nothing left to stop once it is told of.
      if (phase === 'rewrite') await stopped.catch(() => {});
      else await expect(stopped).rejects.toBe(enough);
      expect(await areStored(kept.parts)).not.toContain(false);
      const { collected, packs } = await store.collect([kept.root]);
      if (phase === 'mark') expect(collected.objects).toBe(40);
      if (phase !== 'rewrite') expect(packs.freedBytes).toBeGreaterThan(0);
      expect(await areStored(kept.parts)).not.toContain(false);
      expect(await areStored(lost)).not.toContain(true);
      expect(packBytes()).toBeLessThan(100_000);
    },
  );

  it('gives back the space of packs that are being verified', async () => {
    for (let seed = 0; seed < 40; seed += 1)
      await store.putBlob(randomBytes(20_000, seed));
    await store.passHours(25);
    let looked = 0;
    await verifyLocalStore(store.local, {
      async onProgress() {
        looked += 1;
        await store.collect([]);
        const open = fs
          .readdirSync('/proc/self/fd')
          .map((fd) => linkOf(`/proc/self/fd/${fd}`))
          .filter((file) => file.startsWith(store.local.directory));
        expect(open.filter((file) => file.endsWith('(deleted)'))).toEqual([]);
      },
    });
    expect(looked).toBeGreaterThan(0);
    expect(packBytes()).toBeLessThan(100_000);
  });

  it('gives the space back to the file system', async () => {
    const kept: Node[] = [];
    for (let seed = 0; seed < 100; seed += 1) {
      const node = await store.putBlob(randomBytes(20_000, seed));
      if (seed % 10 === 0) kept.push(node);
    }
    const before = packBytes();
    await store.passHours(25);
    const { packs } = await store.collect(kept);
    // Footers aside.
    const freed = before - packBytes();
    expect(Math.abs(freed - packs.freedBytes)).toBeLessThan(0.01 * before);
    expect(packBytes()).toBeLessThan(0.15 * before);
    await store.temporary.reopen();
    expect(await areStored(kept)).not.toContain(false);
    expect((await countLocalStore(store.local)).packs.sparse).toBe(0);
  });

  it('gives the space of the pack back that was written to last', async () => {
    const kept = await putTree(1);
    const lost = await Promise.all([2, 3, 4].map(putTree));
    const [open] = store.temporary.packFiles();
    expect(store.temporary.packFiles()).toHaveLength(1);
    await store.passHours(25);
    const { packs } = await store.collect([kept.root]);
    expect(packs).toMatchObject({ removed: 1, left: 0 });
    expect(fs.existsSync(open!)).toBe(false);
    expect(packBytes()).toBeLessThan(20_000);
    expect(await areStored(kept.parts)).not.toContain(false);
    expect(await areStored(lost.flatMap(({ parts }) => parts))).not.toContain(
      true,
    );
    await store.temporary.reopen();
    expect(await areStored(kept.parts)).not.toContain(false);
  });

  it('leaves no directory without its parts where it is cut off between two of many transactions', async () => {
    const abort = new AbortController();
    await store.temporary.destroy();
    store = await ClockedStore.create({
      openIndex: (directory, options) => {
        const index = LmdbIndex.open(directory, options);
        return indexWithCommit(index, async (writes, options) => {
          await index.commit(writes, options);
          // Nothing but a sweep takes only away.
          if (writes.every(({ value }) => value === undefined)) abort.abort();
        });
      },
    });
    const inner = Array.from({ length: 5000 }, (_, i) =>
      directoryOf([fileNode(hashBytes(Buffer.from(String(i % 3))), i)]),
    );
    const outer = inner.map((directory) =>
      directoryOf([directoryNode(directory)]),
    );
    await store.blobs.putMany(['0', '1', '2'].map((text) => Buffer.from(text)));
    for (const directories of [inner, outer])
      await store.local.put(
        directories.map((directory) => ({
          kind: RecordKind.directory,
          key: directory.digest.bytes,
          bytes: directory.encode(),
        })),
      );
    await store.passHours(25);
    await expect(
      store.collect([], { signal: abort.signal }),
    ).rejects.toMatchObject({ name: 'AbortError' });
    const left = await Promise.all(
      [...inner, ...outer].map(({ digest }) => store.directories.get(digest)),
    );
    expect(left.filter((found) => found !== undefined)).toHaveLength(6000);
    const { damages } = await verifyLocalStore(store.local);
    expect(damages).toBe(0);
    await store.passHours(25);
    expect((await store.collect([])).kept.objects).toBe(0);
  });

  it('changes nothing in a dry run, and tells what would go', async () => {
    const kept = await putTree(1);
    const lost = await putTree(2);
    await store.passHours(25);
    const before = packBytes();
    const told = await store.collect([kept.root], { dryRun: true });
    expect(packBytes()).toBe(before);
    expect(await areStored(lost.parts)).not.toContain(false);
    await store.passHours(25);
    const done = await store.collect([kept.root]);
    expect(told.collected).toEqual(done.collected);
  });

  it('keeps what was put within the grace, with all below it', async () => {
    const { root, parts } = await putTree(1);
    await store.passHours(20);
    // Only the root is stored again: its parts are older than the grace when it runs.
    if (root.type !== 'directory') throw new Error('not a directory');
    await store.directories.put((await store.directories.get(root.digest))!);
    await store.passHours(10);
    await store.collect([]);
    expect(await areStored(parts)).not.toContain(false);
  });

  it('remembers over a restart that something was found stored', async () => {
    const node = await store.putBlob(randomBytes(3000, 1));
    await store.passHours(20);
    expect(await hasNode(node)).toBe(true);
    await store.temporary.reopen();
    await store.passHours(20);
    await store.collect([]);
    expect(await hasNode(node)).toBe(true);
    await store.passHours(25);
    await store.collect([]);
    expect(await hasNode(node)).toBe(false);
  });

  it('refuses a grace below an hour', async () => {
    await expect(store.collect([], { graceMs: 3_599_999 })).rejects.toThrow(
      RangeError,
    );
  });

  it('refuses a second collection while one runs', async () => {
    async function* roots(): AsyncGenerator<Node> {
      await expect(store.collect([])).rejects.toMatchObject({
        code: 'castore/collection-running',
      });
      yield* [];
    }
    await store.collect(roots());
  });

  it('refuses a store that is open for reading alone', async () => {
    await store.temporary.reopen({ readOnly: true });
    await expect(store.collect([])).rejects.toMatchObject({
      code: 'castore/store-read-only',
    });
  });

  it('keeps with all below it what is asked for while it marks', async () => {
    const asked = await putTree(1);
    const stored = await putTree(2);
    const lost = await putTree(3);
    await store.passHours(25);
    async function* roots(): AsyncGenerator<Node> {
      expect(await hasNode(asked.root)).toBe(true);
      if (stored.root.type !== 'directory') throw new Error('no directory');
      const again = await store.directories.get(stored.root.digest);
      await store.directories.put(again!);
      yield* [];
    }
    await store.collect(roots());
    expect(await areStored([...asked.parts, ...stored.parts])).not.toContain(
      false,
    );
    expect(await areStored(lost.parts)).not.toContain(true);
  });

  it('keeps the chunks of an upload that takes longer than the grace', async () => {
    const bytes = randomBytes(4_000_000, 1);
    const writer = store.blobs.openWrite();
    await writer.write(bytes.subarray(0, 3_000_000));
    for (let hour = 0; hour < 30; hour += 1) {
      await store.passHours(0.9);
      await writer.write(bytes.subarray(3_000_000 + hour, 3_000_001 + hour));
    }
    await store.collect([]);
    await writer.write(bytes.subarray(3_000_030));
    const digest = await writer.close();
    const [found] = await store.blobs.getMany([digest]);
    expect(found && Buffer.compare(found, bytes)).toBe(0);
  });

  it('collects nothing where damage hides what a root leads to', async () => {
    const { root, parts } = await putTree(1);
    await store.passHours(25);
    if (root.type !== 'directory') throw new Error('not a directory');
    const encoded = directoryOf([]).encode();
    expect(encoded.length).toBe(0);
    const [file] = store.temporary.packFiles();
    const bytes = fs.readFileSync(file!);
    const at = bytes.indexOf(Buffer.from(root.digest.bytes));
    bytes[at + 60]! ^= 1;
    fs.writeFileSync(file!, bytes);
    await expect(store.collect([root])).rejects.toMatchObject({
      code: 'castore/corrupt-store',
    });
    expect(await areStored(parts.slice(0, 4))).not.toContain(false);
  });

  it('goes on where one was cut off between an old pack and the new one', async () => {
    const kept: Node[] = [];
    for (let seed = 0; seed < 40; seed += 1) {
      const node = await store.putBlob(randomBytes(20_000, seed));
      if (seed % 10 === 0) kept.push(node);
    }
    await store.passHours(25);
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(store.collect(kept, { signal })).rejects.toThrow('enough');
    await store.temporary.reopen();
    await store.collect(kept);
    expect(await areStored(kept)).not.toContain(false);
    expect(packBytes()).toBeLessThan(200_000);
  });

  it('keeps deleted table entries deleted when the index is lost afterwards', async () => {
    const table = store.local.table('names');
    for (let i = 0; i < 20; i += 1)
      await table.put(Buffer.of(i), Buffer.from(`value ${i}`));
    // Fills the first pack, and keeps it: most of it is used.
    const big = await store.putBlob(randomBytes(200_000, 1));
    for (let i = 0; i < 19; i += 1) await table.delete(Buffer.of(i));
    await store.putBlob(randomBytes(200_000, 2));
    await store.passHours(25);
    await store.collect([big]);
    expect(store.temporary.packFiles()).toHaveLength(2);
    await store.temporary.close();
    fs.rmSync(store.temporary.path('meta'), { recursive: true });
    await store.temporary.reopen();
    const names: number[] = [];
    for await (const [key] of store.local.table('names').entries())
      names.push(key[0]!);
    expect(names).toEqual([19]);
  });

  it('drops the deletions of table entries with their values', async () => {
    const table = store.local.table('names');
    for (let i = 0; i < 20; i += 1)
      await table.put(Buffer.of(i), randomBytes(1500, i));
    for (let i = 0; i < 20; i += 1) await table.delete(Buffer.of(i));
    await store.passHours(25);
    await store.collect([]);
    await store.collect([]);
    expect(packBytes()).toBe(0);
  });
});
