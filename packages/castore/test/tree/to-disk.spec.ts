import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { seededBytes } from '../../src/conformance/random.ts';
import type { TreeEvent } from '../../src/tree/event.ts';
import { treeFromDisk } from '../../src/tree/from-disk.ts';
import { treeToDisk } from '../../src/tree/to-disk.ts';
import { useTemporaryDirectory } from './temporary-directory.ts';
import {
  arbitraryTree,
  batches,
  COMPLICATED,
  directory,
  eventsOf,
  file,
  source,
  summary,
  symlink,
  text,
  treeOf,
} from './trees.ts';
import type { Tree } from './trees.ts';

const temporary = useTemporaryDirectory();
const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

const LARGE = file(seededBytes(3_000_000, 1), true);

const EVERYTHING = directory({
  a: file('a'),
  b: directory({ c: LARGE, d: directory(), e: file('') }),
  f: symlink('/nowhere'),
  g: COMPLICATED,
});

describe('treeToDisk', () => {
  it.each<[string, Tree]>([
    ['a file', file('contents')],
    ['an empty file', file('')],
    ['a large executable file', LARGE],
    ['a symbolic link', symlink('../..')],
    ['an empty directory', directory()],
    ['a directory with everything', EVERYTHING],
  ])('writes %s that reads the same, and nothing else', async (_, tree) => {
    for (const durable of [false, true]) {
      const before = openDescriptors();
      const path = join(temporary(), `out ${durable}`);
      await treeToDisk(source(tree, 100_000), path, { durable });
      expect(openDescriptors()).toBe(before);
      expect(summary(await treeOf(treeFromDisk(path)))).toEqual(summary(tree));
    }
    expect(readdirSync(temporary())).toEqual(['out false', 'out true']);
  });

  it('writes any tree so that it reads the same', async () => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(arbitraryTree, async (tree) => {
        const path = join(temporary(), `${count++}`);
        await treeToDisk(source(tree, 7), path);
        expect(await treeOf(treeFromDisk(path))).toEqual(tree);
      }),
      { verbose: 1 },
    );
  });

  it('makes files 0644 or 0755 and directories 0755, less the umask, with the time of now', async () => {
    const start = Date.now();
    for (const [umask, plain, executable] of [
      [0o022, 0o644, 0o755],
      [0o077, 0o600, 0o700],
      [0o002, 0o644, 0o755],
    ] as const) {
      const path = join(temporary(), `${umask}`);
      const before = process.umask(umask);
      try {
        await treeToDisk(source(EVERYTHING), path);
      } finally {
        process.umask(before);
      }
      const mode = (name: string): number =>
        statSync(join(path, name)).mode & 0o7777;
      expect(mode('.')).toBe(executable);
      expect(mode('a')).toBe(plain);
      expect(mode('b')).toBe(executable);
      expect(mode('b/c')).toBe(executable);
      expect(mode('b/e')).toBe(plain);
      expect(statSync(join(path, 'a')).mtimeMs).toBeGreaterThan(start - 5000);
    }
  });

  it('takes the destination as bytes, with slashes at its end, relative, and through a link to its parent', async () => {
    mkdirSync(join(temporary(), 'sub'));
    symlinkSync('sub', join(temporary(), 'link'));
    const bytes = Buffer.concat([text(`${temporary()}/`), Uint8Array.of(0xff)]);
    await treeToDisk(source(file('x')), bytes);
    expect(readFileSync(bytes, 'utf8')).toBe('x');
    await treeToDisk(source(directory()), join(temporary(), 'link', 'a///'));
    expect(readdirSync(join(temporary(), 'sub'))).toEqual(['a']);
    const before = process.cwd();
    process.chdir(temporary());
    try {
      await treeToDisk(source(file('y')), 'relative');
    } finally {
      process.chdir(before);
    }
    expect(readFileSync(join(temporary(), 'relative'), 'utf8')).toBe('y');
  });

  it('writes and, after a failure, removes trees deeper than any path can be', async () => {
    const before = openDescriptors();
    const name = Buffer.alloc(200, 'd');
    let tree = directory({ file: file('deep') });
    for (let i = 0; i < 100; i++)
      tree = { type: 'directory', entries: [[name, tree]] };
    const path = join(temporary(), 'out');
    await treeToDisk(source(tree), path);
    expect(await treeOf(treeFromDisk(path))).toEqual(tree);
    const events = [...eventsOf(tree)].slice(0, -1);
    await expect(
      treeToDisk(batches(events), join(temporary(), 'other')),
    ).rejects.toMatchObject({ code: 'castore/malformed-tree' });
    expect(readdirSync(temporary())).toEqual(['out']);
    expect(openDescriptors()).toBe(before);
  });

  describe('where something is already', () => {
    const occupants: [string, (path: string) => void][] = [
      ['a file', (path) => writeFileSync(path, 'mine')],
      ['an empty directory', (path) => mkdirSync(path)],
      ['a link to a directory', (path) => symlinkSync('.', path)],
      ['a link to nowhere', (path) => symlinkSync('nowhere', path)],
    ];

    it.each(occupants)(
      'rejects before it asks the source: %s',
      async (_, occupy) => {
        const path = join(temporary(), 'out');
        occupy(path);
        const found = lstatSync(path);
        const events = (function* (): Generator<TreeEvent[]> {
          throw new Error('not to be asked');
          yield [];
        })();
        await expect(treeToDisk(events, path)).rejects.toMatchObject({
          code: 'castore/destination-exists',
          details: { path: Buffer.from(path) },
        });
        expect(lstatSync(path)).toEqual(found);
        expect(readdirSync(temporary())).toEqual(['out']);
      },
    );

    it.each(
      occupants.flatMap(([what, occupy]) =>
        [file('new'), symlink('new'), directory({ a: file('new') })].map(
          (tree) => [tree.type, what, tree, occupy] as const,
        ),
      ),
    )(
      'does not replace with a %s what came meanwhile: %s',
      async (_, _what, tree, occupy) => {
        const path = join(temporary(), 'out');
        const events = (function* (): Generator<TreeEvent[]> {
          yield [...eventsOf(tree)];
          occupy(path);
        })();
        await expect(treeToDisk(events, path)).rejects.toMatchObject({
          code: 'castore/destination-exists',
        });
        expect(readdirSync(temporary())).toEqual(['out']);
        expect(lstatSync(path).isDirectory()).toBe(
          _what === 'an empty directory',
        );
      },
    );

    it.each(['.', '..', '/', 'sub/.', 'sub/..'])(
      'rejects the destination %s',
      async (name) => {
        mkdirSync(join(temporary(), 'sub'));
        await expect(
          treeToDisk(
            source(directory()),
            name === '/' ? name : `${temporary()}/${name}`,
          ),
        ).rejects.toMatchObject({ code: 'castore/destination-exists' });
      },
    );
  });

  it('rejects where the parent is missing or no directory', async () => {
    writeFileSync(join(temporary(), 'file'), '');
    for (const [parent, errno] of [
      ['missing', 'ENOENT'],
      ['file', 'ENOTDIR'],
    ] as const)
      await expect(
        treeToDisk(source(file('')), join(temporary(), parent, 'out')),
      ).rejects.toMatchObject({
        code: 'castore/unable-to-write',
        cause: { code: errno },
      });
  });

  it('rejects names that would lead out of the destination', async () => {
    for (const name of ['..', '.', 'a/b', '/etc', '']) {
      const events: TreeEvent[] = [
        { type: 'directory' },
        { type: 'entry', name: text(name) },
        ...eventsOf(file('evil')),
        { type: 'end' },
      ];
      await expect(
        treeToDisk([events], join(temporary(), 'out')),
      ).rejects.toMatchObject({ code: 'castore/invalid-name' });
    }
    expect(readdirSync(temporary())).toEqual([]);
  });

  it('rejects a child below a link, and a name twice', async () => {
    const twice: TreeEvent[] = [
      { type: 'directory' },
      { type: 'entry', name: text('a') },
      ...eventsOf(symlink('/tmp')),
      { type: 'entry', name: text('a') },
      ...eventsOf(directory({ evil: file('') })),
      { type: 'end' },
    ];
    await expect(
      treeToDisk([twice], join(temporary(), 'out')),
    ).rejects.toMatchObject({ code: 'castore/duplicate-name' });
    expect(readdirSync(temporary())).toEqual([]);
  });

  it('writes into the directory it made, also when a link takes its place meanwhile', async () => {
    const outside = join(temporary(), 'outside');
    mkdirSync(outside);
    const out = join(temporary(), 'out');
    const stagedPath = (): string => {
      const staging = readdirSync(temporary()).find((name) =>
        name.endsWith('.tmp'),
      )!;
      return join(temporary(), staging, 'tree');
    };
    const events = (function* (): Generator<TreeEvent[]> {
      yield [
        { type: 'directory' },
        { type: 'entry', name: text('a') },
        { type: 'directory' },
      ];
      renameSync(join(stagedPath(), 'a'), join(temporary(), 'moved'));
      symlinkSync(outside, join(stagedPath(), 'a'));
      yield [
        { type: 'entry', name: text('evil') },
        ...eventsOf(file('evil')),
        { type: 'entry', name: text('more') },
        ...eventsOf(directory({ evil: file('evil') })),
        { type: 'end' },
        { type: 'end' },
      ];
    })();
    await treeToDisk(events, out);
    expect(readdirSync(outside)).toEqual([]);
    expect(readdirSync(join(temporary(), 'moved'))).toEqual(['evil', 'more']);
    expect(readlinkSync(join(out, 'a'))).toBe(outside);
  });

  describe('when something fails', () => {
    const reason = new Error('enough');

    async function expectNothingLeft(
      work: (path: string) => Promise<unknown>,
    ): Promise<void> {
      const before = openDescriptors();
      await work(join(temporary(), 'out'));
      expect(readdirSync(temporary())).toEqual([]);
      expect(openDescriptors()).toBe(before);
    }

    it.each([false, true])(
      'leaves nothing of a source that throws (durable: %s)',
      (durable) =>
        expectNothingLeft(async (path) => {
          const events = (function* (): Generator<TreeEvent[]> {
            yield [...eventsOf(EVERYTHING, 1000)].slice(0, -20);
            throw reason;
          })();
          await expect(treeToDisk(events, path, { durable })).rejects.toBe(
            reason,
          );
        }),
    );

    it('leaves nothing of a tree that ends early', () =>
      expectNothingLeft(async (path) => {
        for (let count = 0; count < 25; count++)
          await expect(
            treeToDisk([[...eventsOf(EVERYTHING, 1e6)].slice(0, count)], path),
          ).rejects.toMatchObject({
            code: expect.stringMatching(
              /castore\/(malformed-tree|wrong-size)/,
            ) as unknown,
          });
      }));

    it('leaves nothing when it is aborted while the source stalls', () =>
      expectNothingLeft(async (path) => {
        const controller = new AbortController();
        const events = (async function* (): AsyncGenerator<TreeEvent[]> {
          yield [...eventsOf(EVERYTHING)].slice(0, 10);
          controller.abort(reason);
          await new Promise(() => {});
        })();
        await expect(treeToDisk(events, path, controller)).rejects.toBe(reason);
      }));

    it('touches nothing when it was aborted before', () =>
      expectNothingLeft(async (path) => {
        const signal = AbortSignal.abort(reason);
        await expect(
          treeToDisk(source(EVERYTHING), path, { signal }),
        ).rejects.toBe(reason);
      }));

    it('names the path that the system refuses', () =>
      expectNothingLeft(async (path) => {
        const name = 'n'.repeat(256);
        await expect(
          treeToDisk(
            source(directory({ sub: directory({ [name]: file('') }) })),
            path,
          ),
        ).rejects.toMatchObject({
          code: 'castore/unable-to-write',
          cause: { code: 'ENAMETOOLONG' },
          details: { path: Buffer.from(`${path}/sub/${name}`) },
        });
      }));

    it('tells a full disk from other failures', async () => {
      // Only root can mount; elsewhere the limit of a process on the length of a file stands for the limit of the disk.
      const mount = join(temporary(), 'small');
      mkdirSync(mount);
      const isMounted = ((): boolean => {
        try {
          execFileSync(
            'mount',
            ['-t', 'tmpfs', '-o', 'size=1m', 'none', mount],
            {
              stdio: 'ignore',
            },
          );
          return true;
        } catch {
          return false;
        }
      })();
      const code = isMounted ? 'castore/no-space' : 'castore/unable-to-write';
      const path = isMounted ? join(mount, 'out') : '/proc/out';
      try {
        await expect(
          treeToDisk(source(EVERYTHING), path),
        ).rejects.toMatchObject({ code });
        expect(existsSync(path)).toBe(false);
        if (isMounted) expect(readdirSync(mount)).toEqual([]);
      } finally {
        if (isMounted) execFileSync('umount', [mount]);
      }
    });
  });
});
