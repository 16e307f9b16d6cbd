import { describe, expect, it } from '@jest/globals';
import { ERRNO } from '../src/errno.ts';
import { INIT_FLAG, OP, ROOT_ID } from '../src/fuse/protocol.ts';
import { longs, OFFERED, words } from './support/fake-kernel.ts';
import { mounted } from './support/mounted.ts';

describe('INIT', () => {
  it('takes only what the kernel offers', async () => {
    const { kernel } = await mounted({});
    const reply = await kernel.init(INIT_FLAG.ASYNC_READ);
    expect(reply.bytes.length).toBe(64);
    expect(reply.body.getUint32(12, true)).toBe(INIT_FLAG.ASYNC_READ);
  });

  it('asks for READDIRPLUS, cached links and large reads, and answers with the lower version', async () => {
    const { kernel } = await mounted({});
    const { body } = await kernel.init();
    const flags = body.getUint32(12, true);
    for (const name of [
      'DO_READDIRPLUS',
      'CACHE_SYMLINKS',
      'MAX_PAGES',
    ] as const)
      expect(flags & INIT_FLAG[name]).not.toBe(0);
    expect([body.getUint32(0, true), body.getUint32(4, true)]).toEqual([7, 41]);
    expect(body.getUint32(20, true)).toBe(4096);
    expect(body.getUint16(28, true)).toBe(256);
  });

  it('refuses a kernel that is too old', async () => {
    const { kernel } = await mounted({});
    const reply = await kernel.send(OP.INIT, 0, words(7, 12, 0, OFFERED));
    expect(reply.errno).toBe(ERRNO.EPROTO);
  });

  it('forgets what the kernel before it knew', async () => {
    const { kernel, fs } = await mounted({ a: 'x' });
    await kernel.lookup(ROOT_ID, 'a');
    expect(fs.inodes).toBe(1);
    await kernel.init();
    expect(fs.inodes).toBe(0);
  });
});

describe('requests that make no sense', () => {
  it('are answered with ENOSYS when the operation is unknown', async () => {
    const { kernel } = await mounted({});
    // FLUSH, ACCESS, LSEEK, STATX, and numbers that nobody uses.
    for (const opcode of [25, 34, 46, 52, 0, 9999, 0xffffffff])
      expect((await kernel.send(opcode, ROOT_ID, longs(0, 0))).errno).toBe(
        ERRNO.ENOSYS,
      );
  });

  it('are answered with an error when they are cut short', async () => {
    const { kernel, fs } = await mounted({ a: 'x' });
    const nodeid = await kernel.walk('a');
    for (const opcode of [OP.READ, OP.OPEN, OP.READDIR, OP.GETXATTR])
      expect(
        (await kernel.send(opcode, nodeid, new Uint8Array(0))).errno,
      ).toBeGreaterThan(0);
    kernel.tell(OP.BATCH_FORGET, 0, words(0xffffffff, 0));
    fs.handle(new Uint8Array(39), () => {
      throw new Error('nobody to answer');
    });
  });

  it('ends everything at DESTROY', async () => {
    const { kernel, fs } = await mounted({ a: 'x' });
    await kernel.walk('a');
    expect((await kernel.send(OP.DESTROY, 0)).errno).toBe(0);
    expect(fs.inodes).toBe(0);
  });
});
