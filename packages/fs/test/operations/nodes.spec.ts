import { describe, expect, it } from '@jest/globals';
import { ERRNO } from '../../src/errno.ts';
import { OP, ROOT_ID } from '../../src/fuse/protocol.ts';
import { rootNodesFromEntries } from '../../src/root-nodes.ts';
import { longs, readIn, terminated, words } from '../support/fake-kernel.ts';
import { digestOf, memoryServices, putFile } from '../support/tree.ts';
import type { Tree } from '../support/tree.ts';
import { mounted } from '../support/mounted.ts';

const YEAR = 365 * 24 * 3600;

describe('LOOKUP and GETATTR', () => {
  const TREE: Tree = {
    file: 'hello world',
    'program*': 'hello world',
    link: ['target'],
    directory: { a: { b: '' }, c: '' },
  };

  it('describes files, executables, links and directories', async () => {
    const { kernel } = await mounted(TREE);
    const file = await kernel.lookup(ROOT_ID, 'file');
    expect(file).toMatchObject({ size: 11, blocks: 1, nlink: 1 });
    const modes = [];
    for (const name of Object.keys(TREE))
      modes.push(
        (await kernel.lookup(ROOT_ID, name.replace('*', ''))).mode.toString(8),
      );
    expect(modes).toEqual(['100444', '100555', '120444', '40555']);
    expect(await kernel.lookup(ROOT_ID, 'link')).toMatchObject({
      size: 6,
      blocks: 0,
    });
    // a, a/b and c.
    expect((await kernel.lookup(ROOT_ID, 'directory')).size).toBe(3);
  });

  it('says the same at GETATTR, and of a directory before and after it was listed', async () => {
    const { kernel } = await mounted(TREE);
    const entry = await kernel.lookup(ROOT_ID, 'directory');
    const before = await kernel.send(OP.GETATTR, entry.nodeid, longs(0, 0));
    await kernel.list(entry.nodeid);
    const after = await kernel.send(OP.GETATTR, entry.nodeid, longs(0, 0));
    expect(after.bytes).toEqual(before.bytes);
    expect(after.bytes.length).toBe(104);
    expect(Number(after.body.getBigUint64(16, true))).toBe(entry.ino);
    expect(Number(after.body.getBigUint64(24, true))).toBe(3);
  });

  it('answers a missing name with a negative entry: for ever in a directory, shortly in a root that may grow', async () => {
    const { kernel } = await mounted(TREE, {
      rootNodes: { get: async () => undefined, async *list() {} },
      rootTtlSeconds: 1,
    });
    expect(await kernel.lookup(ROOT_ID, 'nothing')).toMatchObject({
      nodeid: 0,
      validSeconds: 1,
    });
    const fixed = await mounted(TREE);
    const directory = await fixed.kernel.walk('directory');
    expect(await fixed.kernel.lookup(directory, 'nothing')).toMatchObject({
      nodeid: 0,
      validSeconds: YEAR,
    });
  });

  it('shares a nodeid between equal files, but not between an executable and another', async () => {
    const { kernel } = await mounted({ ...TREE, copy: 'hello world' });
    const file = await kernel.lookup(ROOT_ID, 'file');
    const copy = await kernel.lookup(ROOT_ID, 'copy');
    const program = await kernel.lookup(ROOT_ID, 'program');
    expect([copy.nodeid, copy.ino]).toEqual([file.nodeid, file.ino]);
    expect(program.nodeid).not.toBe(file.nodeid);
    expect(program.ino).not.toBe(file.ino);
  });

  it('gives equal directories one inode number but a nodeid each, as the kernel knows only one place of a directory', async () => {
    const { kernel } = await mounted({ a: { x: '1' }, b: { x: '1' } });
    const a = await kernel.lookup(ROOT_ID, 'a');
    const b = await kernel.lookup(ROOT_ID, 'b');
    expect(a.ino).toBe(b.ino);
    expect(a.nodeid).not.toBe(b.nodeid);
    expect((await kernel.lookup(ROOT_ID, 'a')).nodeid).toBe(a.nodeid);
  });

  it('tells the empty file and the empty directory apart', async () => {
    const { kernel } = await mounted({ file: '', directory: {} });
    const file = await kernel.lookup(ROOT_ID, 'file');
    const directory = await kernel.lookup(ROOT_ID, 'directory');
    expect(file.ino).not.toBe(directory.ino);
    expect(file.nodeid).not.toBe(directory.nodeid);
  });

  it('takes names byte by byte', async () => {
    const name = Buffer.from([0xff, 0xfe, 0x41]);
    const services = memoryServices();
    const node = await putFile(services, 'x');
    const { kernel } = await mounted(
      {},
      { rootNodes: rootNodesFromEntries([[name, node]]) },
    );
    expect((await kernel.lookup(ROOT_ID, name)).nodeid).not.toBe(0);
    const replaced = name.toString('utf8');
    expect((await kernel.lookup(ROOT_ID, replaced)).nodeid).toBe(0);
  });

  it.each([
    ['below a file', 'file', ERRNO.ENOTDIR],
    ['below a link', 'link', ERRNO.ENOTDIR],
  ])('answers ENOTDIR %s', async (_, name, errno) => {
    const { kernel } = await mounted(TREE);
    const nodeid = await kernel.walk(name);
    const reply = await kernel.send(OP.LOOKUP, nodeid, terminated('x'));
    expect(reply.errno).toBe(errno);
  });

  it('answers ENOENT for nodeids that it never gave out', async () => {
    const { kernel } = await mounted(TREE);
    for (const nodeid of [0, 2, 4097, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
      for (const [opcode, body] of [
        [OP.LOOKUP, terminated('x')],
        [OP.GETATTR, longs(0, 0)],
        [OP.OPEN, words(0, 0)],
        [OP.READ, readIn(0, 0, 1)],
        [OP.READLINK, new Uint8Array(0)],
        [OP.READDIR, readIn(0, 0, 4096)],
        [OP.OPENDIR, words(0, 0)],
      ] as const)
        expect((await kernel.send(opcode, nodeid, body)).errno).toBe(
          ERRNO.ENOENT,
        );
    }
  });
});

describe('extended attributes', () => {
  const name = (text: string): Uint8Array => terminated(text);

  it('are ENOSYS unless asked for, so that the kernel never asks again', async () => {
    const { kernel } = await mounted({ a: 'x' });
    const nodeid = await kernel.walk('a');
    for (const opcode of [OP.GETXATTR, OP.LISTXATTR])
      expect((await kernel.send(opcode, nodeid, longs(100))).errno).toBe(
        ERRNO.ENOSYS,
      );
  });

  it('tell the digest of files and directories', async () => {
    const { kernel, services } = await mounted(
      { a: 'x', d: {}, l: ['t'] },
      { xattrs: true },
    );
    const digest = digestOf(await putFile(services, 'x')).toString();
    const file = await kernel.walk('a');
    const get = (nodeid: number, size: number, text: string) =>
      kernel.send(
        OP.GETXATTR,
        nodeid,
        Buffer.concat([words(size, 0), name(text)]),
      );
    const attribute = 'user.tvix.castore.blob.digest';
    expect((await get(file, 100, attribute)).bytes.toString()).toBe(digest);
    expect((await get(file, 0, attribute)).body.getUint32(0, true)).toBe(
      digest.length,
    );
    expect((await get(file, 10, attribute)).errno).toBe(ERRNO.ERANGE);
    expect((await get(file, 100, 'security.capability')).errno).toBe(
      ERRNO.ENODATA,
    );
    const list = async (path: string): Promise<string> => {
      const nodeid = await kernel.walk(path);
      const reply = await kernel.send(OP.LISTXATTR, nodeid, words(100, 0));
      return reply.bytes.toString();
    };
    expect(await list('a')).toBe(`${attribute}\0`);
    expect(await list('d')).toBe('user.tvix.castore.directory.digest\0');
    expect(await list('l')).toBe('');
  });
});
