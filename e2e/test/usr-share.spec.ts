import { afterAll, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { basename, join } from 'node:path';
import { describeWith } from '../support/machine.ts';
import { Mount, MountPoints } from '../support/mount.ts';
import { Nix } from '../support/nix.ts';
import {
  line,
  output,
  PROGRAM,
  runProgram,
  tvixStore,
} from '../support/program.ts';
import { scratchFolder } from '../support/scratch.ts';

const scratch = scratchFolder();
const store = `local:${join(scratch.path, 'store')}`;
const nix = new Nix(scratch.path);
const TREE = '/usr/share';

const points = new MountPoints();
let storePath: string | undefined;

afterAll(async () => {
  await points.remove();
  scratch.remove();
});

describeWith(['nix'], '/usr/share, tens of thousands of files', () => {
  it('is imported under the path that nix-store --add prints', async () => {
    storePath = await line(tvixStore(['import', '--store', store, TREE]));
    expect(storePath).toBe(await line(nix.store(['--add', TREE])));
  });

  it('is dumped as nix-store --dump does, from the disk and from the store', async () => {
    const expected = await sha256Of('nix-store', ['--dump', TREE]);
    expect(
      await sha256Of(process.execPath, [PROGRAM, 'nar', 'dump', TREE]),
    ).toBe(expected);
    expect(
      await sha256Of(process.execPath, [
        PROGRAM,
        'nar',
        'dump',
        '--store',
        store,
        storePath!,
      ]),
    ).toBe(expected);
  });

  it('has the hash and the listing that Nix prints, and is restored as it was', async () => {
    expect(await line(tvixStore(['nar', 'hash', TREE]))).toBe(
      await line(nix.nix(['hash', 'path', TREE])),
    );
    const nar = join(scratch.path, 'share.nar');
    await output(
      runProgram('sh', [
        '-c',
        'exec nix-store --dump "$1" > "$2"',
        'sh',
        TREE,
        nar,
      ]),
    );
    const listing = await line(
      tvixStore(['nar', 'ls', '--json', '-R', nar, '/']),
    );
    expect(
      listing ===
        (await line(nix.nix(['nar', 'ls', '--json', '-R', nar, '/']))),
    ).toBe(true);
    const restored = join(scratch.path, 'restored');
    await output(
      runProgram('sh', [
        '-c',
        `exec '${process.execPath}' '${PROGRAM}' nar restore "$1" < "$2"`,
        'sh',
        restored,
        nar,
      ]),
    );
    expect(await sha256Of('nix-store', ['--dump', restored])).toBe(
      await sha256Of('cat', [nar]),
    );
  });
});

describeWith(['root', '/dev/fuse'], '/usr/share, mounted', () => {
  it('is the same to diff', async () => {
    storePath ??= await line(tvixStore(['import', '--store', store, TREE]));
    await using mount = await Mount.start(points.create(), ['--store', store]);
    const mounted = join(mount.point, basename(storePath));
    const compare = ['-r', '--no-dereference', '--', TREE, mounted];
    expect(await line(runProgram('diff', compare))).toBe('');
    expect(await mount.stop()).toBe(0);
  });
});

/** The digest of what a program prints, without ever holding it. */
function sha256Of(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const hash = createHash('sha256');
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.stdout.on('data', (chunk: Buffer) => hash.update(chunk));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0
        ? resolve(hash.digest('hex'))
        : reject(new Error(`exit code ${code}`)),
    );
  });
}
