import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Directory, ingestTree, pathComponent, readTree } from '@tvix/castore';
import type { Node, TreeEvent } from '@tvix/castore';
import {
  createGrpcChannel,
  GrpcBlobService,
  GrpcDirectoryService,
} from '@tvix/castore/grpc';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Daemon } from '../support/daemon.ts';
import { describeWith } from '../support/machine.ts';
import {
  line,
  output,
  PROGRAM,
  runProgram,
  tvixStore,
} from '../support/program.ts';
import type { Finished } from '../support/program.ts';
import { scratchFolder } from '../support/scratch.ts';

const scratch = scratchFolder();
const at = (...names: string[]): string => join(scratch.path, ...names);
const store = `local:${at('store')}`;
afterAll(() => scratch.remove());

/** A refusal: the exit code, nothing on stdout, and an explanation. */
async function refused(
  run: Promise<Finished>,
  code: number,
  says: RegExp,
): Promise<void> {
  const { code: found, stdout, stderr } = await run;
  expect(stderr).toMatch(says);
  expect(stdout.toString()).toBe('');
  expect(found).toBe(code);
}

describe('a store directory', () => {
  it('of something else is refused, and left as it is', async () => {
    mkdirSync(at('other'));
    writeFileSync(at('other/file'), 'mine');
    await refused(
      tvixStore([
        'import',
        '--store',
        `local:${at('other')}`,
        at('other/file'),
      ]),
      1,
      /neither empty nor a store/,
    );
    expect(readdirSync(at('other'))).toEqual(['file']);
  });

  it('of a later format is refused with a word on what to do', async () => {
    writeFileSync(at('thing'), 'thing');
    await output(
      tvixStore(['import', '--store', `local:${at('later')}`, at('thing')]),
    );
    const format = JSON.parse(
      readFileSync(at('later/FORMAT'), 'utf8'),
    ) as Record<string, unknown>;
    writeFileSync(
      at('later/FORMAT'),
      JSON.stringify({ ...format, version: 1000 }),
    );
    await refused(
      tvixStore(['list', '--store', `local:${at('later')}`]),
      1,
      /1000/,
    );
  });

  it('that a daemon holds is refused with the name of the holder', async () => {
    await using daemon = await Daemon.start([
      '--store',
      `local:${at('held')}`,
      '-l',
      at('held.sock'),
    ]);
    const holder = new RegExp(String(daemon.child.pid));
    await refused(
      tvixStore(['import', '--store', `local:${at('held')}`, at('thing')]),
      1,
      holder,
    );
  });
});

describeWith(['root'], 'a store directory that cannot be written', () => {
  beforeAll(() => writeFileSync(at('thing'), 'thing'));

  it('on a read-only file system is read, and not written', async () => {
    await output(
      tvixStore(['import', '--store', `local:${at('frozen')}`, at('thing')]),
    );
    const inside = (command: string) =>
      runProgram('unshare', [
        '-m',
        'sh',
        '-c',
        `mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && exec '${process.execPath}' "$0" ${command}`,
        PROGRAM,
        at('frozen'),
      ]);
    expect(await line(inside(`list --store "local:$1"`))).toMatch(/-thing$/);
    writeFileSync(at('thing-2'), 'thing 2');
    await refused(
      inside(`import --store "local:$1" ${at('thing-2')}`),
      1,
      /reading alone/,
    );
  });

  it('on a full disk refuses writes, and still serves what it has', async () => {
    mkdirSync(at('small'));
    await output(
      runProgram('mount', [
        '-t',
        'tmpfs',
        '-o',
        'size=96m',
        'tmpfs',
        at('small'),
      ]),
    );
    try {
      const full = `local:${at('small/store')}`;
      const kept = await line(
        tvixStore(['import', '--store', full, at('thing')]),
      );
      const random = at('random');
      await output(
        runProgram('sh', [
          '-c',
          'head -c 100000000 /dev/urandom > "$1"',
          'sh',
          random,
        ]),
      );
      await refused(
        tvixStore(['import', '--store', full, random]),
        1,
        /no space|disk is full/i,
      );
      expect(await line(tvixStore(['list', '--store', full]))).toBe(kept);
      expect(await line(tvixStore(['cat', '--store', full, kept]))).toBe(
        'thing',
      );
    } finally {
      await output(runProgram('umount', [at('small')]));
    }
  });
});

describe('an address', () => {
  for (const address of [
    'sled:///tmp/store',
    'foo:',
    'memory://host',
    'grpc+http://localhost/path',
    'local:relative',
  ]) {
    it(`${address} is wrong usage`, () =>
      refused(tvixStore(['list', '--store', address]), 2, /address/));
  }

  it('where nobody listens is a failure that says so', () =>
    refused(
      tvixStore(['list', '--store', `grpc+unix://${at('nobody.sock')}`]),
      1,
      /nobody\.sock/,
    ));
});

describe('an import', () => {
  beforeAll(async () => {
    mkdirSync(at('with-pipe'));
    await output(runProgram('mkfifo', [at('with-pipe/pipe')]));
    writeFileSync(at('.hidden'), '');
    writeFileSync(at('fine'), 'fine');
  });

  it('of a pipe names it, imports the other arguments, and fails', async () => {
    const { code, stdout, stderr } = await tvixStore([
      'import',
      '--store',
      store,
      at('with-pipe'),
      at('fine'),
    ]);
    expect(stdout.toString()).toMatch(/^\/nix\/store\/\w{32}-fine\n$/);
    expect(stderr).toMatch(/with-pipe\/pipe/);
    expect(code).toBe(1);
    expect(await line(tvixStore(['list', '--store', store]))).toBe(
      stdout.toString().trimEnd(),
    );
  });

  for (const name of ['/dev/null', 'missing', '.hidden', '/']) {
    it(`of ${name} is refused`, () =>
      refused(
        tvixStore([
          'import',
          '--store',
          store,
          join(name.startsWith('/') ? '/' : scratch.path, name),
        ]),
        1,
        /error/,
      ));
  }
});

describe('a restore', () => {
  let nar: Buffer;
  beforeAll(async () => {
    mkdirSync(at('tree/sub'), { recursive: true });
    writeFileSync(at('tree/sub/file'), 'contents');
    symlinkSync('/etc', at('tree/long'));
    nar = await output(tvixStore(['nar', 'dump', at('tree')]));
  });

  it('never writes onto what is there', async () => {
    writeFileSync(at('there'), 'mine');
    await refused(
      tvixStore(['nar', 'restore', at('there')], { input: nar }),
      1,
      /already/,
    );
    expect(readFileSync(at('there'), 'utf8')).toBe('mine');
  });

  const damages: Record<string, (nar: Buffer) => Buffer> = {
    'that ends in the middle': (nar) => nar.subarray(0, nar.length - 40),
    'followed by something': (nar) => Buffer.concat([nar, Buffer.from('x')]),
    'that is none': () => Buffer.from('not an archive at all'),
    'with dirty padding': (nar) => replaced(nar, 'sub\0', 'sub\x01'),
    // The lengths stay as they are: three bytes and four.
    'whose entry would leave the destination': (nar) =>
      replaced(nar, 'sub\0', '/..\0'),
    'whose entry is a path': (nar) => replaced(nar, 'long\0', 'a/b/\0'),
    'whose entries are out of order': (nar) =>
      replaced(nar, 'long\0', 'zzzz\0'),
  };
  for (const [what, damage] of Object.entries(damages)) {
    it(`of an archive ${what} leaves nothing`, async () => {
      const before = readdirSync(scratch.path);
      await refused(
        tvixStore(['nar', 'restore', at('restored')], { input: damage(nar) }),
        1,
        /archive|name|padding|entry|order/i,
      );
      expect(existsSync(at('restored'))).toBe(false);
      expect(readdirSync(scratch.path)).toEqual(before);
    });
  }
});

describe('a tree of extreme shape', () => {
  for (const backend of ['memory:', 'local:'] as const) {
    it(`10,000 levels deep goes through ${backend} over gRPC and back`, async () => {
      const socket = at(`deep-${backend.slice(0, -1)}.sock`);
      const address = backend === 'local:' ? `local:${at('deep')}` : backend;
      await using _daemon = await Daemon.start([
        '--store',
        address,
        '-l',
        socket,
      ]);
      const channel = createGrpcChannel({ type: 'unix', path: socket });
      try {
        const services = {
          blobs: new GrpcBlobService(channel),
          directories: new GrpcDirectoryService(channel),
        };
        const root = await ingestTree([deepTree(10_000)], services);
        expect(root).toMatchObject({ type: 'directory', size: 10_000n });
        let levels = 0;
        for await (const batch of readTree(root, services)) {
          for (const event of batch) if (event.type === 'directory') levels++;
        }
        expect(levels).toBe(10_001);
        let received = 0;
        if (root.type === 'directory') {
          for await (const _ of services.directories.getRecursive(root.digest))
            received++;
        }
        expect(received).toBe(10_001);
      } finally {
        channel.close();
      }
    }, 240_000);
  }

  it('a directory of a million entries has a digest, and is refused where a message is limited', async () => {
    const node: Node = {
      type: 'symlink',
      target: new Uint8Array([0x74]) as never,
    };
    const entries = Array.from({ length: 1_000_000 }, (_, i) => ({
      name: pathComponent(`entry-${i}`),
      node,
    }));
    const directory = Directory.fromEntries(entries);
    expect(directory.size).toBe(1_000_000n);
    expect(
      Directory.decode(directory.encode()).digest.equals(directory.digest),
    ).toBe(true);
    const socket = at('wide.sock');
    await using _daemon = await Daemon.start([
      '--store',
      'memory:',
      '-l',
      socket,
    ]);
    const channel = createGrpcChannel({ type: 'unix', path: socket });
    try {
      const directories = new GrpcDirectoryService(channel);
      await expect(directories.put(directory)).rejects.toMatchObject({
        code: 'castore/limit-exceeded',
      });
      expect(await directories.get(directory.digest)).toBeUndefined();
    } finally {
      channel.close();
    }
  }, 240_000);
});

/** The events of directories inside each other. */
function deepTree(levels: number): TreeEvent[] {
  const events: TreeEvent[] = [{ type: 'directory' }];
  const name = new Uint8Array([0x64]);
  for (let level = 0; level < levels; level++)
    events.push({ type: 'entry', name }, { type: 'directory' });
  for (let level = 0; level <= levels; level++) events.push({ type: 'end' });
  return events;
}

/** The archive with one padded string written over; both must take the same room. */
function replaced(nar: Buffer, from: string, to: string): Buffer {
  const copy = Buffer.from(nar);
  const index = copy.lastIndexOf(from);
  if (index < 0) throw new Error(`no ${from} in the archive`);
  copy.write(to, index, 'latin1');
  return copy;
}
