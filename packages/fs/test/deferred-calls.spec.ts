import { describe, expect, it } from '@jest/globals';
import { CastoreError } from '@tvix/castore';
import { ServiceBlobSource } from '../src/blob-source.ts';
import { ERRNO } from '../src/errno.ts';
import { OP } from '../src/fuse/protocol.ts';
import { rootNodesFromEntries } from '../src/root-nodes.ts';
import { longs, readIn, terminated, words } from './support/fake-kernel.ts';
import { memoryServices, putFile, putTree } from './support/tree.ts';
import { gated, mounted } from './support/mounted.ts';

describe('what has to be fetched', () => {
  it('is waited for without holding up what is at hand, and asked for once', async () => {
    const services = memoryServices();
    const node = await putTree(services, { d: { a: 'x' }, f: 'y' });
    const directories = gated(services.directories);
    const { kernel, fs } = await mounted(
      {},
      {
        directories,
        blobs: new ServiceBlobSource(services.blobs),
        rootNodes: rootNodesFromEntries([
          ['slow', node],
          ['f', await putFile(services, 'fast')],
        ]),
      },
    );
    const slow = await kernel.walk('slow');
    const waiting = Array.from({ length: 64 }, () => kernel.lookup(slow, 'd'));
    expect(fs.pending).toBe(64);
    const fast = await kernel.read(await kernel.walk('f'), 0, 10);
    expect(fast.bytes.toString()).toBe('fast');
    directories.open();
    const found = await Promise.all(waiting);
    expect(new Set(found.map(({ nodeid }) => nodeid)).size).toBe(1);
    expect(directories.asked).toBe(1);
    expect(fs.pending).toBe(0);
  });

  it('is interrupted with EINTR, once, and given up when nobody else waits', async () => {
    const services = memoryServices();
    const node = await putTree(services, { a: 'x' });
    const directories = gated(services.directories);
    const { kernel, fs } = await mounted(
      {},
      { directories, rootNodes: rootNodesFromEntries([['slow', node]]) },
    );
    const slow = await kernel.walk('slow');
    const first = kernel.start(OP.LOOKUP, slow, terminated('a'));
    const second = kernel.start(OP.LOOKUP, slow, terminated('a'));
    kernel.tell(OP.INTERRUPT, 0, longs(first.unique));
    expect((await first.reply).errno).toBe(ERRNO.EINTR);
    expect(directories.aborted).toBe(0);
    kernel.tell(OP.INTERRUPT, 0, longs(second.unique));
    expect((await second.reply).errno).toBe(ERRNO.EINTR);
    expect(directories.aborted).toBe(1);
    // A new request isn't tied to the one that was given up.
    const third = kernel.lookup(slow, 'a');
    directories.open();
    expect((await third).size).toBe(1);
    expect([first.replies(), second.replies()]).toEqual([1, 1]);
    expect(fs.inodes).toBe(2);
    kernel.tell(OP.INTERRUPT, 0, longs(12345));
  });

  it('answers EIO when it fails, and finds it the next time', async () => {
    const services = memoryServices();
    const node = await putTree(services, { a: 'x' });
    let isDead = true;
    const { kernel } = await mounted(
      {},
      {
        rootNodes: rootNodesFromEntries([['d', node]]),
        directories: {
          async get(digest) {
            if (isDead) throw new CastoreError('castore/unavailable', 'dead');
            return services.directories.get(digest);
          },
        },
      },
    );
    const nodeid = await kernel.walk('d');
    const reply = await kernel.send(OP.LOOKUP, nodeid, terminated('a'));
    expect(reply.errno).toBe(ERRNO.EIO);
    isDead = false;
    expect((await kernel.lookup(nodeid, 'a')).size).toBe(1);
  });

  it('answers EIO where a directory is missing, though it was found', async () => {
    const node = await putTree(memoryServices(), { a: '' });
    const { kernel } = await mounted(
      {},
      { rootNodes: rootNodesFromEntries([['gone', node]]) },
    );
    const nodeid = await kernel.walk('gone');
    expect((await kernel.send(OP.OPENDIR, nodeid, words(0, 0))).errno).toBe(0);
    for (const [opcode, body] of [
      [OP.READDIR, readIn(0, 0, 4096)],
      [OP.READDIRPLUS, readIn(0, 0, 4096)],
      [OP.LOOKUP, terminated('a')],
    ] as const)
      expect((await kernel.send(opcode, nodeid, body)).errno).toBe(ERRNO.EIO);
  });

  it('is kept as far as memory allows', async () => {
    const contents = Buffer.alloc(3_000_000, 'abc');
    const { kernel, services } = await mounted(
      { big: contents },
      { blobCacheBytes: 500_000 },
    );
    const nodeid = await kernel.walk('big');
    for (let offset = 0; offset < contents.length; offset += 100_000) {
      const { bytes } = await kernel.read(nodeid, offset, 100_000);
      expect(bytes.equals(contents.subarray(offset, offset + 100_000))).toBe(
        true,
      );
    }
    expect(services.blobs.capabilities.chunks).toBe(false);
  });
});
