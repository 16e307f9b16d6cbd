import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Directory, pathComponent, symlinkTarget } from '@tvix/castore';
import type { Node } from '@tvix/castore';
import {
  lstat,
  open,
  opendir,
  readdir,
  readFile,
  readlink,
  stat,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import type { RequestFailure } from '../../dist/fuse/index.js';
import { directoryNode, memoryServices, putFile } from '../support/tree.ts';
import type { Services } from '../support/tree.ts';
import { BACKENDS } from './support/backends.ts';
import type { Backend } from './support/backends.ts';
import { Mounts } from './support/mounts.ts';
import { describeMounts } from './support/requirements.ts';

/** The names that the reference's tests use: 32 equal digits and `-test`. */
function nameOf(digit: number): string {
  return `${`${digit}`.repeat(32)}-test`;
}

const BLOB_A = nameOf(0);
const SYMLINK = nameOf(1);
const WITH_KEEP = nameOf(2);
const COMPLICATED = nameOf(3);
const SYMLINK2 = nameOf(4);
const BLOB_B = nameOf(5);
const HELLO_WORLD = nameOf(6);
const NO_DIRECTORY = nameOf(7);
const NO_BLOB = nameOf(8);

const BLOB_B_BYTES = Buffer.from(
  Uint8Array.from({ length: 255 * 4096 }, (_, i) => i % 255),
);

async function populate(services: Services): Promise<Map<string, Node>> {
  const empty = await putFile(services, '');
  const withKeep = Directory.fromEntries([
    { name: pathComponent('.keep'), node: empty },
  ]);
  const elsewhere: Node = {
    type: 'symlink',
    target: symlinkTarget('/nix/store/somewhereelse'),
  };
  const complicated = Directory.fromEntries([
    { name: pathComponent('keep'), node: directoryNode(withKeep) },
    { name: pathComponent('.keep'), node: empty },
    { name: pathComponent('aa'), node: elsewhere },
  ]);
  const putter = services.directories.putMultipleStart();
  await putter.put(withKeep);
  await putter.put(complicated);
  await putter.close();
  const nothing = memoryServices();
  return new Map<string, Node>([
    [BLOB_A, await putFile(services, Uint8Array.of(0, 1))],
    [SYMLINK, { type: 'symlink', target: symlinkTarget(BLOB_A) }],
    [WITH_KEEP, directoryNode(withKeep)],
    [COMPLICATED, directoryNode(complicated)],
    [SYMLINK2, elsewhere],
    [BLOB_B, await putFile(services, BLOB_B_BYTES)],
    [HELLO_WORLD, await putFile(services, 'Hello World!', true)],
    [
      NO_DIRECTORY,
      directoryNode(
        Directory.fromEntries([
          {
            name: pathComponent('child'),
            node: await putFile(nothing, 'child'),
          },
        ]),
      ),
    ],
    [NO_BLOB, await putFile(nothing, 'nobody has this')],
  ]);
}

describeMounts('a mount', ['fuse', 'root'], () => {
  describe.each(BACKENDS)('over %s', (_, openBackend) => {
    const mounts = new Mounts();
    let backend: Backend;
    let roots: Map<string, Node>;
    let root: string;
    const failures: RequestFailure[] = [];
    const at = (...names: string[]): string => join(root, ...names);

    beforeAll(async () => {
      backend = await openBackend();
      roots = await populate(backend.services);
      const mount = await mounts.mount({
        ...backend.mountable(roots),
        listRoot: true,
        onRequestFailed: (failure) => failures.push(failure),
      });
      root = mount.mountPoint;
    }, 30_000);

    afterAll(async () => {
      await mounts.clear();
      await backend.close();
    }, 60_000);

    it('of an empty store comes and goes', async () => {
      const mount = await mounts.mount(backend.mountable(new Map()));
      expect((await stat(mount.mountPoint)).isDirectory()).toBe(true);
      await mount.close();
      expect((await stat(mount.mountPoint)).ino).not.toBe(1);
    });

    it('refuses to list its root unless told, at the first entry', async () => {
      const mount = await mounts.mount({
        ...backend.mountable(roots),
        listRoot: false,
      });
      const directory = await opendir(mount.mountPoint);
      await expect(directory.read()).rejects.toMatchObject({ code: 'EPERM' });
      await directory.close();
      expect((await stat(join(mount.mountPoint, BLOB_A))).size).toBe(2);
      await mount.close();
    });

    it('lists its root where told', async () => {
      expect((await readdir(root)).sort()).toEqual([...roots.keys()].sort());
    });

    it('describes a file in the root', async () => {
      const stats = await stat(at(BLOB_A));
      expect(stats.isFile()).toBe(true);
      expect(stats.mode & 0o222).toBe(0);
      expect(stats.size).toBe(2);
    });

    it('reads a file in the root', async () => {
      expect(await readFile(at(BLOB_A))).toEqual(Buffer.from([0, 1]));
    });

    it('reads a large file in the root', async () => {
      expect((await stat(at(BLOB_B))).size).toBe(1_044_480);
      expect((await readFile(at(BLOB_B))).equals(BLOB_B_BYTES)).toBe(true);
    });

    it('shows a symlink, and nothing behind one that leads nowhere', async () => {
      expect(await readlink(at(SYMLINK2))).toBe('/nix/store/somewhereelse');
      expect((await lstat(at(SYMLINK2))).isSymbolicLink()).toBe(true);
      await expect(stat(at(SYMLINK2))).rejects.toMatchObject({
        code: 'ENOENT',
      });
      await expect(readFile(at(SYMLINK2))).rejects.toMatchObject({
        code: 'ENOENT',
      });
    });

    it('follows a symlink to what is there', async () => {
      expect(await readlink(at(SYMLINK))).toBe(BLOB_A);
      const [through, direct] = [
        await stat(at(SYMLINK)),
        await stat(at(BLOB_A)),
      ];
      expect([through.ino, through.size]).toEqual([direct.ino, direct.size]);
      expect(await readFile(at(SYMLINK))).toEqual(await readFile(at(BLOB_A)));
    });

    it('describes a directory', async () => {
      const stats = await stat(at(WITH_KEEP));
      expect(stats.isDirectory()).toBe(true);
      expect(stats.mode & 0o222).toBe(0);
    });

    it.each([
      ['in a directory', [WITH_KEEP, '.keep']],
      ['deep in a directory', [COMPLICATED, 'keep', '.keep']],
    ])('reads a file %s', async (_where, names) => {
      const stats = await stat(at(...names));
      expect([stats.isFile(), stats.mode & 0o222, stats.size]).toEqual([
        true,
        0,
        0,
      ]);
      expect(await readFile(at(...names))).toHaveLength(0);
    });

    it('lists a directory in the order of its names', async () => {
      const entries = [];
      for await (const entry of await opendir(at(COMPLICATED)))
        entries.push([
          entry.name,
          entry.isFile(),
          entry.isSymbolicLink(),
          entry.isDirectory(),
        ]);
      expect(entries).toEqual([
        ['.keep', true, false, false],
        ['aa', false, true, false],
        ['keep', false, false, true],
      ]);
    });

    it('lists a directory below one that was never listed', async () => {
      const mount = await mounts.mount(backend.mountable(roots));
      const below = join(mount.mountPoint, COMPLICATED, 'keep');
      expect(await readdir(below)).toEqual(['.keep']);
      expect((await stat(join(below, '.keep'))).size).toBe(0);
      await mount.close();
    });

    it('gives modes, sizes, owners and times as the reference does', async () => {
      const modes = [];
      for (const name of [BLOB_A, HELLO_WORLD, WITH_KEEP, SYMLINK]) {
        const stats = await lstat(at(name));
        modes.push((stats.mode & 0o777).toString(8));
        expect([stats.uid, stats.gid]).toEqual([0, 0]);
        expect([stats.atimeMs, stats.mtimeMs, stats.ctimeMs]).toEqual([
          0, 0, 0,
        ]);
        expect(stats.nlink).toBeGreaterThanOrEqual(1);
      }
      expect(modes).toEqual(['444', '555', '555', '444']);
      expect((await stat(at(BLOB_A))).size).toBe(2);
      expect((await stat(at(WITH_KEEP))).size).toBe(1);
    });

    it.each([
      ['directories', [WITH_KEEP], [COMPLICATED, 'keep']],
      ['files', [COMPLICATED, '.keep'], [COMPLICATED, 'keep', '.keep']],
      ['symlinks', [COMPLICATED, 'aa'], [SYMLINK2]],
    ])('gives equal %s one inode number', async (_what, one, other) => {
      expect((await lstat(at(...one))).ino).toBe(
        (await lstat(at(...other))).ino,
      );
    });

    it('finds only the exact name in its root, before and after', async () => {
      const mount = await mounts.mount(backend.mountable(roots));
      const inside = (name: string): string => join(mount.mountPoint, name);
      const wrong = [BLOB_A.slice(0, -1), BLOB_A.slice(1), `${BLOB_A}t`];
      for (let round = 0; round < 2; round++) {
        for (const name of wrong)
          await expect(stat(inside(name))).rejects.toMatchObject({
            code: 'ENOENT',
          });
        expect((await stat(inside(BLOB_A))).size).toBe(2);
      }
      await mount.close();
    });

    it('lets nobody write', async () => {
      await expect(writeFile(at('new'), 'x')).rejects.toMatchObject({
        code: 'EROFS',
      });
      await expect(open(at(BLOB_A), 'r+')).rejects.toMatchObject({
        code: 'EROFS',
      });
    });

    it('shows a directory that is missing, and fails below it', async () => {
      expect((await stat(at(NO_DIRECTORY))).isDirectory()).toBe(true);
      const directory = await opendir(at(NO_DIRECTORY));
      await expect(directory.read()).rejects.toMatchObject({ code: 'EIO' });
      await directory.close();
      await expect(stat(at(NO_DIRECTORY, 'child'))).rejects.toMatchObject({
        code: 'EIO',
      });
      expect(await readdir(at(WITH_KEEP))).toEqual(['.keep']);
    });

    it('shows a file whose blob is missing, and fails to read it', async () => {
      expect((await stat(at(NO_BLOB))).size).toBe(15);
      await expect(readFile(at(NO_BLOB))).rejects.toMatchObject({
        code: 'EIO',
      });
      expect(await readFile(at(HELLO_WORLD), 'utf8')).toBe('Hello World!');
    });

    it('tells the program that mounts why a read failed', async () => {
      const before = failures.length;
      await expect(readFile(at(NO_BLOB))).rejects.toMatchObject({
        code: 'EIO',
      });
      while (failures.length === before) await new Promise(setImmediate);
      const { operation, error } = failures.at(-1)!;
      expect(operation).toBe('READ');
      expect((error as Error).message).toContain('not in the store');
    });
  });
});
