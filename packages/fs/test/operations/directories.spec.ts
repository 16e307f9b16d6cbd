import { describe, expect, it } from '@jest/globals';
import {
  B3Digest,
  CastoreError,
  Directory,
  pathComponent,
} from '@tvix/castore';
import type { NamedNode, Node } from '@tvix/castore';
import { ServiceBlobSource } from '../../src/blob-source.ts';
import { CastoreFs } from '../../src/castore-fs.ts';
import { ERRNO } from '../../src/errno.ts';
import { FOPEN, OP, ROOT_ID } from '../../src/fuse/protocol.ts';
import { rootNodesFromEntries } from '../../src/root-nodes.ts';
import {
  FakeKernel,
  longs,
  readIn,
  request,
  terminated,
  words,
} from '../support/fake-kernel.ts';
import { memoryServices, putFile } from '../support/tree.ts';
import type { Tree } from '../support/tree.ts';
import { mounted } from '../support/mounted.ts';

describe('OPENDIR', () => {
  it('is refused where the root is open too often, until it is closed again', async () => {
    const { kernel } = await mounted({});
    const open = () => kernel.send(OP.OPENDIR, ROOT_ID, words(0, 0));
    for (let i = 0; i < 1024; i++) expect((await open()).errno).toBe(0);
    expect((await open()).errno).toBe(ERRNO.ENFILE);
    await kernel.send(OP.RELEASEDIR, ROOT_ID, longs(7, 0, 0));
    expect((await open()).errno).toBe(0);
  });
});

describe('READDIR and READDIRPLUS', () => {
  const MANY: Tree = Object.fromEntries(
    Array.from({ length: 500 }, (_, i) => [`name-${1000 + i}`, `${i}`]),
  );

  it.each([false, true])(
    'lists each name once and in order, whatever the buffer (plus: %s)',
    async (plus) => {
      const { kernel } = await mounted({ d: MANY });
      const nodeid = await kernel.walk('d');
      for (const size of [300, 1000, 4096, 131072]) {
        const names = (await kernel.list(nodeid, { plus, size })).map(
          ({ name }) => name,
        );
        expect(names).toEqual(['.', '..', ...Object.keys(MANY)]);
      }
    },
  );

  it('names the inode of a child as stat does', async () => {
    const { kernel } = await mounted({
      d: { file: 'a', 'exec*': 'a', link: ['x'], dir: {} },
    });
    const nodeid = await kernel.walk('d');
    for (const plus of [false, true]) {
      for (const { name, ino, type } of (
        await kernel.list(nodeid, { plus })
      ).slice(2)) {
        const entry = await kernel.lookup(nodeid, name);
        expect(ino).toBe(entry.ino);
        expect(type).toBe(entry.mode >>> 12);
      }
    }
  });

  it('takes a reference for each entry of READDIRPLUS except the dots', async () => {
    const { kernel, fs } = await mounted({ d: { a: '1', b: '2' } });
    const nodeid = await kernel.walk('d');
    const listed = await kernel.list(nodeid, { plus: true });
    expect(listed.slice(0, 2).map(({ entry }) => entry!.nodeid)).toEqual([
      0, 0,
    ]);
    expect(fs.inodes).toBe(3);
    for (const { entry } of listed.slice(2)) kernel.forget(entry!.nodeid, 1);
    expect(fs.inodes).toBe(1);
    await kernel.list(nodeid);
    expect(fs.inodes).toBe(1);
  });

  it('takes the references back when nobody takes the reply', async () => {
    const { kernel, fs } = await mounted({ d: { a: '1', bb: '2' } });
    const nodeid = await kernel.walk('d');
    await kernel.list(nodeid);
    fs.handle(
      request(OP.READDIRPLUS, 999, nodeid, readIn(0, 0, 4096)),
      () => false,
    );
    fs.handle(request(OP.LOOKUP, 1001, nodeid, terminated('a')), () => false);
    expect(fs.inodes).toBe(1);
  });

  it('refuses to list the root where told', async () => {
    const { kernel } = await mounted({ a: '' }, { listRoot: false });
    expect((await kernel.send(OP.OPENDIR, ROOT_ID, words(0, 0))).errno).toBe(0);
    const reply = await kernel.send(OP.READDIR, ROOT_ID, readIn(0, 0, 4096));
    expect(reply.errno).toBe(ERRNO.EPERM);
  });

  it.each([false, true])(
    'lists a root of any size through one handle, and again after rewinding (plus: %s)',
    async (plus) => {
      const { kernel } = await mounted(MANY, { listRoot: true });
      const opened = await kernel.send(OP.OPENDIR, ROOT_ID, words(0, 0));
      const handle = Number(opened.body.getBigUint64(0, true));
      for (let round = 0; round < 2; round++) {
        const names = (
          await kernel.list(ROOT_ID, { plus, size: 700, handle })
        ).map(({ name }) => name);
        expect(names).toEqual(['.', '..', ...Object.keys(MANY)]);
      }
      const release = Buffer.concat([longs(handle), words(0, 0), longs(0)]);
      await kernel.send(OP.RELEASEDIR, ROOT_ID, release);
      const reply = await kernel.send(
        OP.READDIR,
        ROOT_ID,
        readIn(handle, 0, 4096),
      );
      expect(reply.errno).toBe(ERRNO.EBADF);
    },
  );

  it('answers EIO where listing the root fails half-way', async () => {
    const { kernel } = await mounted(
      {},
      {
        listRoot: true,
        rootNodes: {
          get: async () => undefined,
          // eslint-disable-next-line require-yield
          async *list(): AsyncGenerator<NamedNode> {
            throw new CastoreError('castore/unavailable', 'gone');
          },
        },
      },
    );
    const opened = await kernel.send(OP.OPENDIR, ROOT_ID, words(0, 0));
    const handle = Number(opened.body.getBigUint64(0, true));
    const reply = await kernel.send(
      OP.READDIR,
      ROOT_ID,
      readIn(handle, 0, 4096),
    );
    expect(reply.errno).toBe(ERRNO.EIO);
  });

  it('keeps its cache of a directory in the kernel, but not of the root', async () => {
    const { kernel } = await mounted({ d: {} }, { listRoot: true });
    const nodeid = await kernel.walk('d');
    const flags = async (id: number): Promise<number> =>
      (await kernel.send(OP.OPENDIR, id, words(0, 0))).body.getUint32(8, true);
    expect(await flags(nodeid)).toBe(FOPEN.CACHE_DIR | FOPEN.KEEP_CACHE);
    expect(await flags(ROOT_ID)).toBe(0);
  });

  it('leaves out a name that is too long for the kernel instead of losing the whole listing', async () => {
    const { kernel } = await mounted({ d: { ['x'.repeat(1025)]: '', y: '' } });
    const nodeid = await kernel.walk('d');
    const names = (await kernel.list(nodeid)).map(({ name }) => name);
    expect(names).toEqual(['.', '..', 'y']);
  });

  it('lists a million entries', async () => {
    const services = memoryServices();
    const file = await putFile(services, 'x');
    const directory = Directory.fromEntries(
      Array.from({ length: 1_000_000 }, (_, i) => ({
        name: pathComponent(`${i}`),
        node: file,
      })),
    );
    // Its digest takes hashing 40 MB; any will do here.
    const digest = B3Digest.fromBytes(new Uint8Array(32).fill(7));
    const node: Node = { type: 'directory', digest, size: directory.size };
    const fs = new CastoreFs({
      rootNodes: rootNodesFromEntries([['huge', node]]),
      directories: { get: async () => directory },
      blobs: new ServiceBlobSource(services.blobs),
    });
    const kernel = new FakeKernel(fs);
    await kernel.init();
    const nodeid = await kernel.walk('huge');
    let count = 0;
    for (let offset = 0; ;) {
      const { bytes } = await kernel.send(
        OP.READDIR,
        nodeid,
        readIn(0, offset, 131072),
      );
      if (bytes.length === 0) break;
      for (let at = 0; at < bytes.length; count++) {
        offset = Number(bytes.readBigUInt64LE(at + 8));
        at += 24 + ((bytes.readUInt32LE(at + 16) + 7) & ~7);
      }
    }
    expect(count).toBe(1_000_002);
    expect(fs.inodes).toBe(1);
    expect(await kernel.lookup(nodeid, '765432')).toMatchObject({ size: 1 });
  });
});
