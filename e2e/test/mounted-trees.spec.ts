import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeWith } from '../support/machine.ts';
import { Mount, MountPoints } from '../support/mount.ts';
import { line, output, runProgram, tvixStore } from '../support/program.ts';
import { scratchFolder } from '../support/scratch.ts';
import { makeShapes, seededBytes } from '../support/trees.ts';

const TEST_MS = 150_000;
const scratch = scratchFolder();
const points = new MountPoints();
const store = `local:${join(scratch.path, 'store')}`;
const made = join(scratch.path, 'made');

/** Trees as they are found on machines, and one in which every strange thing is. */
const TREES = [
  ['documentation of the system', '/usr/share/doc', importTree],
  [
    'packages of npm',
    fileURLToPath(new URL('../../node_modules', import.meta.url)),
    putTree,
  ],
  ['every shape of file', made, importTree],
] as const;

/** Where a tree is to be seen: below the mount point, and with which arguments. */
type Shown = readonly [path: string, args: readonly string[]];

async function importTree(tree: string): Promise<Shown> {
  const path = await line(tvixStore(['import', '--store', store, tree]));
  return [basename(path), []];
}

/** Without Nix, and so under any name. */
async function putTree(tree: string): Promise<Shown> {
  const digest = await line(
    tvixStore(['castore', 'put', '--store', store, tree]),
  );
  return ['.', ['--castore', digest]];
}

/** Runs a script with `$1` and so on; what it prints. It has to succeed. */
async function shell(script: string, ...args: string[]): Promise<string> {
  return line(runProgram('sh', ['-euc', script, 'sh', ...args]));
}

afterAll(async () => {
  await points.remove();
  scratch.remove();
}, TEST_MS);

describeWith(['root', '/dev/fuse', 'rsync'], 'a mounted tree', () => {
  beforeAll(() => {
    makeShapes(made);
  });

  for (const [what, tree, put] of TREES) {
    it(
      `is the tree that was stored, to every program: ${what}`,
      async () => {
        const [path, args] = await put(tree);
        await using mount = await Mount.start(points.create(), [
          '--store',
          store,
          ...args,
        ]);
        const mounted = join(mount.point, path);

        for (const compare of [
          'diff -r --no-dereference -- "$1" "$2"',
          'rsync -rl --dry-run --checksum --delete --itemize-changes -- "$1/" "$2/"',
        ])
          expect(await shell(compare, tree, mounted)).toBe('');

        for (const measure of [
          'cd "$1" && find . -ls | wc -l',
          'cd "$1" && find . -printf "%y %P %l\\0" | sort -z | sha256sum',
          'cd "$1" && find . -type f -perm -u+x -print0 | sort -z | sha256sum',
          // Directories have other sizes on every file system.
          'cd "$1" && find . ! -type d -print0 | du -bcl --files0-from=- | tail -n 1',
          'tar -C "$1" --sort=name --mtime=@1 --owner=0 --group=0 --numeric-owner --mode=0 --hard-dereference -cf - . | sha256sum',
        ])
          expect([measure, await shell(measure, mounted)]).toEqual([
            measure,
            await shell(measure, tree),
          ]);
        expect(await mount.stop()).toBe(0);
      },
      TEST_MS,
    );
  }
});

describeWith(['root', '/dev/fuse', 'git'], 'in a mounted directory', () => {
  const tree = join(scratch.path, 'tree');
  const large = seededBytes(11, 5_000_001);
  let mount: Mount;

  beforeAll(async () => {
    mkdirSync(join(tree, 'bin'), { recursive: true });
    copyFileSync('/bin/ls', join(tree, 'bin/list'));
    symlinkSync('bin', join(tree, 'programs'));
    writeFileSync(join(tree, 'large'), large);
    mkdirSync(join(tree, 'repository/folder'), { recursive: true });
    for (const name of ['a', 'folder/b'])
      writeFileSync(join(tree, 'repository', name), `${name}\n`);
    await shell(
      'cd "$1" && git init -q && git add . && git -c user.name=A -c user.email=a@example.org commit -q -m first',
      join(tree, 'repository'),
    );
    const digest = await line(
      tvixStore(['castore', 'put', '--store', store, tree]),
    );
    mount = await Mount.start(points.create(), [
      '--store',
      store,
      '--castore',
      digest,
      '--xattrs',
      '--passthrough',
    ]);
  }, TEST_MS);

  afterAll(async () => mount?.[Symbol.asyncDispose](), TEST_MS);

  it('git finds a repository as it was committed', async () => {
    const repository = join(mount.point, 'repository');
    const git = (...args: string[]): Promise<string> =>
      line(runProgram('git', ['-C', repository, ...args]));
    expect(await git('status', '--porcelain')).toBe('');
    expect(await git('log', '--format=%s')).toBe('first');
    await git('fsck', '--strict');
  });

  it('programs run', async () => {
    const { point } = mount;
    expect(await shell('"$1/programs/list" "$1"', point)).toBe(
      ['bin', 'large', 'programs', 'repository'].join('\n'),
    );
  });

  it('large files read as they are, from every position', async () => {
    const path = join(mount.point, 'large');
    expect(await shell('sha256sum < "$1"', path)).toBe(
      await shell('sha256sum < "$1"', join(tree, 'large')),
    );
    const bytes = await output(
      runProgram('dd', [
        `if=${path}`,
        'iflag=skip_bytes,count_bytes',
        'skip=3333333',
        'count=4444',
        'status=none',
      ]),
    );
    expect(bytes.equals(large.subarray(3_333_333, 3_337_777))).toBe(true);
  });

  it('an extended attribute tells the digest by which the store finds the file', async () => {
    const archive = await output(
      runProgram('tar', [
        ...['-C', mount.point, '--xattrs', '--format=pax', '-cf', '-'],
        'repository/folder/b',
      ]),
    );
    const [, digest = ''] =
      /SCHILY\.xattr\.user\.tvix\.castore\.blob\.digest=(b3:\S+)/.exec(
        archive.toString('latin1'),
      ) ?? [];
    expect(
      await line(tvixStore(['castore', 'cat', '--store', store, digest])),
    ).toBe('folder/b');
  });

  it('nothing can be changed', async () => {
    for (const script of [
      'echo x > "$1/new"',
      'echo x >> "$1/large"',
      'rm "$1/large"',
      'mkdir "$1/new"',
      'chmod 777 "$1/large"',
    ]) {
      const { code, stderr } = await runProgram('sh', [
        '-c',
        script,
        'sh',
        mount.point,
      ]);
      expect([script, code !== 0, stderr]).toEqual([
        script,
        true,
        expect.stringContaining('Read-only file system'),
      ]);
    }
  });
});
