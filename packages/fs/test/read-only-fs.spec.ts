import { describe, expect, it } from '@jest/globals';
import { FsError } from '../src/errors.ts';
import { ReadOnlyFs } from '../src/read-only-fs/read-only-fs.ts';
import type { ReadOnlyFsOptions } from '../src/read-only-fs/read-only-fs.ts';
import {
  rootNodesFromDirectory,
  rootNodesFromEntries,
} from '../src/root-nodes.ts';
import { digestOf, memoryServices, putFile, putTree } from './support/tree.ts';
import type { Tree } from './support/tree.ts';

const TREE: Tree = {
  'hello.txt': 'hello',
  'run.sh*': '#!/bin/sh\n',
  link: ['hello.txt'],
  up: ['deep/er/../../hello.txt'],
  absolute: ['/deep/er/file'],
  outside: ['../../../hello.txt'],
  loop: ['loop'],
  dangling: ['nowhere'],
  directory: ['deep'],
  deep: { er: { file: 'deep', back: ['../..'] } },
};

async function view(
  tree: Tree = TREE,
  options: Partial<ReadOnlyFsOptions> = {},
): Promise<ReadOnlyFs> {
  const services = memoryServices();
  const root = await putTree(services, tree);
  return new ReadOnlyFs({
    ...services,
    rootNodes: rootNodesFromDirectory(services.directories, digestOf(root)),
    ...options,
  });
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof FsError)) throw new Error('no FsError');
  return (error as FsError).code;
}

describe('ReadOnlyFs', () => {
  it('reads files as bytes or text', async () => {
    const fs = await view();
    expect(Buffer.from(await fs.readFile('/hello.txt')).toString()).toBe(
      'hello',
    );
    expect(await fs.readFile('hello.txt', 'utf8')).toBe('hello');
    expect(await fs.readFile('hello.txt', { encoding: 'hex' })).toBe(
      '68656c6c6f',
    );
    expect(await fs.readFile(Buffer.from('deep//er/./file'), 'utf8')).toBe(
      'deep',
    );
  });

  it('lists names, or entries with their types', async () => {
    const fs = await view();
    expect(await fs.readdir('/')).toEqual(
      Object.keys(TREE)
        .map((name) => name.replace('*', ''))
        .sort(),
    );
    const [back, file] = await fs.readdir('deep/er', { withFileTypes: true });
    expect([back!.name, back!.isSymbolicLink()]).toEqual(['back', true]);
    expect([file!.name, file!.isFile(), file!.parentPath]).toEqual([
      'file',
      true,
      'deep/er',
    ]);
    expect(await fs.readdir('directory/er')).toEqual(['back', 'file']);
  });

  it('keeps names that are no text, as bytes', async () => {
    const name = Uint8Array.of(0x61, 0xff, 0xfe);
    const services = memoryServices();
    const fs = new ReadOnlyFs({
      ...services,
      rootNodes: rootNodesFromEntries([[name, await putFile(services, 'x')]]),
    });
    const names = await fs.readdir('/', { encoding: 'buffer' });
    expect(names).toEqual([name]);
    expect(await fs.readFile(names[0]!, 'utf8')).toBe('x');
  });

  it('tells what things are as a mount does', async () => {
    const fs = await view();
    expect(await fs.stat('hello.txt')).toMatchObject({
      mode: 0o100444,
      size: 5,
      blocks: 1,
      nlink: 1,
      mtimeMs: 0,
    });
    expect((await fs.stat('run.sh')).mode).toBe(0o100555);
    expect((await fs.stat('/')).isDirectory()).toBe(true);
    expect((await fs.lstat('link')).isSymbolicLink()).toBe(true);
    expect((await fs.stat('link')).ino).toBe((await fs.stat('hello.txt')).ino);
    expect((await fs.lstat('directory/')).isDirectory()).toBe(true);
  });

  it('follows links, and never out of the tree', async () => {
    const fs = await view();
    for (const path of ['link', 'up', 'outside', '../../hello.txt'])
      expect(await fs.readFile(path, 'utf8')).toBe('hello');
    expect(await fs.readFile('absolute', 'utf8')).toBe('deep');
    expect(await fs.readlink('link')).toBe('hello.txt');
    expect(await fs.realpath('directory/er/back/link')).toBe('/hello.txt');
    expect(await fs.realpath('deep/er/back')).toBe('/');
  });

  it('sees absolute links where the tree says that it is', async () => {
    const fs = await view(
      { a: 'x', inside: ['/nix/store/a'], outside: ['/etc/passwd'] },
      { mountPoint: '/nix/store/' },
    );
    expect(await fs.readFile('inside', 'utf8')).toBe('x');
    expect(await fs.readFile('/nix/store/inside', 'utf8')).toBe('x');
    expect(await fs.realpath('inside')).toBe('/nix/store/a');
    expect(await codeOf(fs.stat('outside'))).toBe('ENOENT');
    expect(await codeOf(fs.stat('/a'))).toBe('ENOENT');
  });

  it.each([
    ['ENOENT', (fs: ReadOnlyFs) => fs.stat('nothing')],
    ['ENOENT', (fs: ReadOnlyFs) => fs.stat('')],
    ['ENOENT', (fs: ReadOnlyFs) => fs.stat('dangling')],
    ['ENOENT', (fs: ReadOnlyFs) => fs.readFile('deep/nothing/file')],
    ['ENOTDIR', (fs: ReadOnlyFs) => fs.stat('hello.txt/x')],
    ['ENOTDIR', (fs: ReadOnlyFs) => fs.stat('hello.txt/')],
    ['ENOTDIR', (fs: ReadOnlyFs) => fs.stat('hello.txt/..')],
    ['ENOTDIR', (fs: ReadOnlyFs) => fs.readdir('hello.txt')],
    ['EISDIR', (fs: ReadOnlyFs) => fs.readFile('deep')],
    ['EISDIR', (fs: ReadOnlyFs) => fs.open('/')],
    ['EINVAL', (fs: ReadOnlyFs) => fs.readlink('hello.txt')],
    ['ELOOP', (fs: ReadOnlyFs) => fs.stat('loop')],
    ['EROFS', (fs: ReadOnlyFs) => fs.open('hello.txt', 'w')],
    ['EROFS', (fs: ReadOnlyFs) => fs.access('hello.txt', 2)],
    ['EACCES', (fs: ReadOnlyFs) => fs.access('hello.txt', 1)],
  ])('fails with %s as node:fs does: %s', async (code, operation) => {
    expect(await codeOf(operation(await view()))).toBe(code);
  });

  it('names the call and the path in what it throws', async () => {
    const fs = await view();
    await expect(fs.stat('nothing')).rejects.toMatchObject({
      code: 'ENOENT',
      syscall: 'stat',
      path: 'nothing',
      message: "ENOENT: no such file or directory, stat 'nothing'",
    });
  });

  it('allows what can be read or run', async () => {
    const fs = await view();
    await fs.access('hello.txt', 4);
    await fs.access('run.sh', 5);
    await fs.access('deep', 1);
  });

  it('refuses to list a root that may be huge unless told, but finds names in it', async () => {
    const services = memoryServices();
    const node = await putFile(services, 'x');
    const rootNodes = {
      get: async () => node,
      async *list() {},
    };
    const fs = new ReadOnlyFs({ ...services, rootNodes });
    expect(await codeOf(fs.readdir('/'))).toBe('EPERM');
    expect(await fs.readFile('anything', 'utf8')).toBe('x');
    const listed = new ReadOnlyFs({ ...services, rootNodes, listRoot: true });
    expect(await listed.readdir('/')).toEqual([]);
  });

  it('reads at any place of an open file', async () => {
    const contents = Buffer.alloc(1_000_000);
    for (let i = 0; i < contents.length; i++) contents[i] = (i * 7) >> 4;
    const fs = await view({ big: contents });
    await using file = await fs.open('big');
    const buffer = new Uint8Array(10);
    await file.read(buffer, 2, 6, 600_000);
    expect(Buffer.from(buffer)).toEqual(
      Buffer.concat([
        Buffer.alloc(2),
        contents.subarray(600_000, 600_006),
        Buffer.alloc(2),
      ]),
    );
    const first = await file.read(new Uint8Array(4));
    const second = await file.read(new Uint8Array(4));
    expect(Buffer.concat([first.buffer, second.buffer])).toEqual(
      contents.subarray(0, 8),
    );
    expect((await file.read(buffer, 0, 10, 1_000_000)).bytesRead).toBe(0);
    expect(Buffer.from(await file.readFile()).equals(contents)).toBe(true);
    await file.close();
    expect(await codeOf(file.read(buffer))).toBe('EBADF');
  });

  it('streams a file, or a part with both ends included', async () => {
    const contents = Buffer.alloc(700_000, 'xyz');
    const fs = await view({ big: contents });
    const collect = async (
      range: Parameters<ReadOnlyFs['createReadStream']>[1],
    ): Promise<Buffer> => {
      const parts: Uint8Array[] = [];
      for await (const part of fs.createReadStream('big', range))
        parts.push(part);
      return Buffer.concat(parts);
    };
    expect((await collect({})).equals(contents)).toBe(true);
    expect(await collect({ start: 3, end: 5 })).toEqual(Buffer.from('xyz'));
    expect(await collect({ start: 699_999 })).toEqual(Buffer.from('x'));
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(collect({ signal })).rejects.toThrow('enough');
  });

  it('keeps what it hands out apart from its cache', async () => {
    const fs = await view();
    (await fs.readFile('hello.txt')).fill(0);
    for await (const part of fs.createReadStream('hello.txt')) part.fill(0);
    expect(await fs.readFile('hello.txt', 'utf8')).toBe('hello');
  });

  it('fails with EIO and the cause where the store lacks a blob or a directory', async () => {
    const elsewhere = memoryServices();
    const tree = await putTree(elsewhere, { d: { f: 'x' } });
    const services = memoryServices();
    const fs = new ReadOnlyFs({
      ...services,
      rootNodes: rootNodesFromEntries([
        ['tree', tree],
        ['file', await putFile(elsewhere, 'gone')],
      ]),
    });
    expect((await fs.stat('tree')).isDirectory()).toBe(true);
    await expect(fs.readdir('tree')).rejects.toMatchObject({
      code: 'EIO',
      cause: { code: 'castore/directory-not-found' },
    });
    expect((await fs.stat('file')).size).toBe(4);
    expect(await codeOf(fs.readFile('file'))).toBe('EIO');
  });
});
