import { describe, expect, it } from '@jest/globals';
import type { Node } from '@tvix/castore';
import { ServiceBlobSource } from '../../src/blob-source.ts';
import { ERRNO } from '../../src/errno.ts';
import { FOPEN, INIT_FLAG, OP, ROOT_ID } from '../../src/fuse/protocol.ts';
import { rootNodesFromEntries } from '../../src/root-nodes.ts';
import { longs, OFFERED, words } from '../support/fake-kernel.ts';
import { memoryServices, putFile } from '../support/tree.ts';
import { mounted } from '../support/mounted.ts';

describe('OPEN, READ and READLINK', () => {
  it('answers OPEN with ENOSYS, which spares all others, where the kernel can do without', async () => {
    const { kernel } = await mounted({ a: 'x' });
    const nodeid = await kernel.walk('a');
    const reply = await kernel.send(OP.OPEN, nodeid, words(0, 0));
    expect(reply.errno).toBe(ERRNO.ENOSYS);
    await kernel.init(OFFERED & ~INIT_FLAG.NO_OPEN_SUPPORT);
    const again = await kernel.walk('a');
    const opened = await kernel.send(OP.OPEN, again, words(0, 0));
    expect(opened.errno).toBe(0);
    expect(opened.body.getUint32(8, true) & FOPEN.KEEP_CACHE).not.toBe(0);
  });

  it('refuses to open for writing, and everything that changes something', async () => {
    const { kernel } = await mounted({ a: 'x' });
    const nodeid = await kernel.walk('a');
    for (const flags of [1, 2, 0o1000])
      expect((await kernel.send(OP.OPEN, nodeid, words(flags, 0))).errno).toBe(
        ERRNO.EROFS,
      );
    for (const opcode of [
      OP.WRITE,
      OP.SETATTR,
      OP.MKDIR,
      OP.UNLINK,
      OP.CREATE,
      OP.RENAME2,
    ])
      expect((await kernel.send(opcode, nodeid, longs(0, 0))).errno).toBe(
        ERRNO.EROFS,
      );
  });

  it('answers EISDIR for what is no file', async () => {
    const { kernel } = await mounted({ d: {}, l: ['x'] });
    for (const nodeid of [
      ROOT_ID,
      await kernel.walk('d'),
      await kernel.walk('l'),
    ])
      expect((await kernel.send(OP.OPEN, nodeid, words(0, 0))).errno).toBe(
        ERRNO.EISDIR,
      );
  });

  it('reads any range, cut off at the end', async () => {
    const contents = Buffer.alloc(1_500_000);
    for (let i = 0; i < contents.length; i++) contents[i] = (i * 31) >> 3;
    const { kernel } = await mounted({ big: contents });
    const nodeid = await kernel.walk('big');
    for (const [offset, size] of [
      [0, 4096],
      [4095, 3],
      [131070, 10],
      [0, 1048576],
      [1_499_999, 4096],
      [1_500_000, 4096],
      [2 ** 50, 4096],
      [900_000, 0],
    ] as const) {
      const { errno, bytes } = await kernel.read(nodeid, offset, size);
      expect(errno).toBe(0);
      expect(bytes.equals(contents.subarray(offset, offset + size))).toBe(true);
    }
  });

  it('answers EIO for the file whose blob is missing, and serves its neighbour', async () => {
    const services = memoryServices();
    const there = await putFile(services, 'there');
    const gone = await putFile(memoryServices(), 'gone');
    const { kernel } = await mounted(
      {},
      {
        blobs: new ServiceBlobSource(services.blobs),
        rootNodes: rootNodesFromEntries([
          ['gone', gone],
          ['there', there],
        ]),
      },
    );
    const [a, b] = [await kernel.walk('gone'), await kernel.walk('there')];
    const [missing, found] = await Promise.all([
      kernel.read(a, 0, 100),
      kernel.read(b, 0, 100),
    ]);
    expect(missing.errno).toBe(ERRNO.EIO);
    expect(found.bytes.toString()).toBe('there');
  });

  it('answers EIO where a node lies about the length of its blob', async () => {
    const services = memoryServices();
    const file = await putFile(services, 'four');
    for (const size of [3n, 5n, 10_000_000n]) {
      const { kernel } = await mounted(
        {},
        {
          blobs: new ServiceBlobSource(services.blobs),
          rootNodes: rootNodesFromEntries([['a', { ...file, size } as Node]]),
        },
      );
      const nodeid = await kernel.walk('a');
      expect((await kernel.read(nodeid, 0, 3)).errno).toBe(ERRNO.EIO);
    }
  });

  it('answers with the bytes of a target', async () => {
    const { kernel } = await mounted({ l: ['../some/where'], f: '' });
    const link = await kernel.send(OP.READLINK, await kernel.walk('l'));
    expect(link.bytes.toString()).toBe('../some/where');
    const file = await kernel.send(OP.READLINK, await kernel.walk('f'));
    expect(file.errno).toBe(ERRNO.EINVAL);
  });
});
