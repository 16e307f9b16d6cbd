import { describe, expect, it } from '@jest/globals';
import { B3Digest } from '@tvix/castore';
import { ServiceBlobSource } from '../src/blob-source.ts';
import { CastoreFs } from '../src/castore-fs.ts';
import { OP, ROOT_ID } from '../src/fuse/protocol.ts';
import { rootNodesFromEntries } from '../src/root-nodes.ts';
import { FakeKernel, longs, words } from './support/fake-kernel.ts';
import { memoryServices } from './support/tree.ts';
import { mounted } from './support/mounted.ts';

describe('FORGET', () => {
  it('keeps an inode until all references are given back, and its number for ever', async () => {
    const { kernel, fs } = await mounted({ a: 'x' });
    const first = await kernel.lookup(ROOT_ID, 'a');
    await kernel.lookup(ROOT_ID, 'a');
    kernel.forget(first.nodeid, 1);
    expect(fs.inodes).toBe(1);
    kernel.forget(first.nodeid, 1);
    expect(fs.inodes).toBe(0);
    expect((await kernel.lookup(ROOT_ID, 'a')).ino).toBe(first.ino);
  });

  it('survives lies: unknown nodeids, too many references, the root', async () => {
    const { kernel, fs } = await mounted({ a: 'x' });
    const { nodeid } = await kernel.lookup(ROOT_ID, 'a');
    for (const id of [0, ROOT_ID, 77, 2 ** 50, nodeid]) kernel.forget(id, 1000);
    expect(fs.inodes).toBe(0);
    expect((await kernel.lookup(ROOT_ID, 'a')).size).toBe(1);
  });

  it('gives memory back after a storm of 50,000', async () => {
    const services = memoryServices();
    const names = Array.from({ length: 50_000 }, (_, i) => `${i}`);
    const digest = (i: number): B3Digest => {
      const bytes = new Uint8Array(32);
      new DataView(bytes.buffer).setUint32(0, Math.imul(i, 0x9e3779b1));
      return B3Digest.fromBytes(bytes);
    };
    const fs = new CastoreFs({
      rootNodes: rootNodesFromEntries(
        names.map((name, i) => [
          name,
          { type: 'file', digest: digest(i), size: 1n, executable: false },
        ]),
      ),
      directories: services.directories,
      blobs: new ServiceBlobSource(services.blobs),
    });
    const kernel = new FakeKernel(fs);
    await kernel.init();
    const empty = fs.inodeBytes;
    for (let round = 0; round < 2; round++) {
      const ids: number[] = [];
      for (const name of names)
        ids.push((await kernel.lookup(ROOT_ID, name)).nodeid);
      expect(new Set(ids).size).toBe(names.length);
      expect(fs.inodes).toBe(names.length);
      expect(fs.inodeBytes).toBeLessThan(names.length * 80);
      for (let i = 0; i < ids.length; i += 100) {
        const batch = ids.slice(i, i + 100);
        kernel.tell(
          OP.BATCH_FORGET,
          0,
          Buffer.concat([
            words(batch.length, 0),
            longs(...batch.flatMap((id) => [id, 1])),
          ]),
        );
      }
      expect(fs.inodes).toBe(0);
      expect(fs.inodeBytes).toBeLessThan(empty + 300_000);
    }
  });
});
