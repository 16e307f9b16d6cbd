import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  close as closeDescriptor,
  open as openDescriptor,
  read as readDescriptor,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { createGrpcChannel } from '@tvix/castore/grpc';
import { StorePath } from '@tvix/nar';
import { PathInfo } from '@tvix/store';
import { GrpcPathInfoService } from '@tvix/store/grpc';
import { Daemon } from '../support/daemon.ts';
import { describeWith } from '../support/machine.ts';
import { isMounted, Mount, MountPoints, until } from '../support/mount.ts';
import { line, output, runProgram, tvixStore } from '../support/program.ts';
import { scratchFolder } from '../support/scratch.ts';
import { seededBytes } from '../support/trees.ts';

const TEST_MS = 60_000;
/** nobody and nogroup, as Debian numbers them. */
const NOBODY = { uid: 65534, gid: 65534 };

// Plain descriptors: a FileHandle whose close fails ends the process when it is collected.
const open = promisify(openDescriptor);
const read = promisify(readDescriptor);
const close = promisify(closeDescriptor);

const scratch = scratchFolder();
const points = new MountPoints();
const socket = join(scratch.path, 'socket');
const local = `local:${join(scratch.path, 'store')}`;
const remote = `grpc+unix://${socket}`;
let daemon: Daemon;

/** Puts a folder with one file into the store of the daemon; the basename of its store path. */
async function importFolder(name: string, contents: string): Promise<string> {
  const folder = join(scratch.path, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'file'), contents, { mode: 0o755 });
  const path = await line(tvixStore(['import', '--store', remote, folder]));
  return basename(path);
}

/** Where the daemon serves its store as a binary cache. */
function cacheAddress(): string {
  const records = daemon.log.map(
    (text) => JSON.parse(text) as { msg: string; address?: string },
  );
  return records.find(({ msg }) => msg === 'serving a binary cache')!.address!;
}

beforeAll(async () => {
  daemon = await Daemon.start([
    ...['--store', local, '-l', socket],
    ...['--http-listen', '127.0.0.1:0'],
  ]);
  chmodSync(scratch.path, 0o755);
});

afterAll(async () => {
  await points.remove();
  expect(await daemon.stop()).toBe(0);
  scratch.remove();
}, TEST_MS);

describeWith(['root', '/dev/fuse'], 'tvix-store mount', () => {
  for (const [what, store] of [
    ['behind a daemon', remote],
    ['that a daemon writes to', local],
  ] as const) {
    it(
      `shows what comes into a store ${what} without a new mount`,
      async () => {
        const contents = `into a store ${what}`;
        const folder = contents.replaceAll(' ', '-');
        await using mount = await Mount.start(points.create(), [
          '--store',
          store,
          '--list-root',
        ]);
        expect((await readdir(mount.point)).join()).not.toContain(folder);
        const name = await importFolder(folder, contents);
        await until(() => existsSync(join(mount.point, name)));
        expect(await readFile(join(mount.point, name, 'file'), 'utf8')).toBe(
          contents,
        );
        await until(async () => (await readdir(mount.point)).includes(name));
      },
      TEST_MS,
    );
  }

  it(
    'fetches from a binary cache what is looked at',
    async () => {
      const name = await importFolder('far', 'from a binary cache');
      const mirror = `local:${join(scratch.path, 'mirror')}`;
      await using mount = await Mount.start(points.create(), [
        ...['--store', mirror],
        ...['--path-info-service-addr', `nix+${cacheAddress()}`],
      ]);
      expect(await readFile(join(mount.point, name, 'file'), 'utf8')).toBe(
        'from a binary cache',
      );
    },
    TEST_MS,
  );

  it(
    'keeps the root unlisted unless told otherwise, and finds names all the same',
    async () => {
      const name = await importFolder('unlisted', 'found');
      await using mount = await Mount.start(points.create(), [
        '--store',
        remote,
      ]);
      await expect(readdir(mount.point)).rejects.toMatchObject({
        code: 'EPERM',
      });
      expect(await readFile(join(mount.point, name, 'file'), 'utf8')).toBe(
        'found',
      );
    },
    TEST_MS,
  );

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(
      `unmounts at ${signal} and exits with 0`,
      async () => {
        await using mount = await Mount.start(points.create(), [
          '--store',
          'memory:',
        ]);
        expect(await mount.stop(signal)).toBe(0);
        expect(isMounted(mount.point)).toBe(false);
        expect(mount.log.map((text) => JSON.parse(text).msg)).toEqual([
          'mounted',
          'stopping',
          'unmounted',
        ]);
      },
      TEST_MS,
    );
  }

  it(
    'ends at the second signal while a file in it is open',
    async () => {
      const name = await importFolder('held', 'held open');
      await using mount = await Mount.start(points.create(), [
        '--store',
        local,
      ]);
      const file = await open(join(mount.point, name, 'file'), 'r');
      mount.child.kill('SIGTERM');
      await until(() => mount.log.some((text) => text.includes('stopping')));
      expect(await mount.stop()).toBe(1);
      await close(file).catch(() => undefined);
      await until(() => !isMounted(mount.point));
    },
    TEST_MS,
  );

  it(
    'exits with 1 when somebody had to be cut off, and with 0 when all left in time',
    async () => {
      const name = await importFolder('kept', 'kept open');
      for (const leaves of [false, true]) {
        await using mount = await Mount.start(points.create(), [
          '--store',
          local,
        ]);
        const file = await open(join(mount.point, name, 'file'), 'r');
        mount.child.kill('SIGTERM');
        await until(() => mount.log.some((text) => text.includes('stopping')));
        if (leaves) await close(file);
        expect(await mount.exited).toBe(leaves ? 0 : 1);
        if (!leaves) await close(file).catch(() => undefined);
      }
    },
    TEST_MS,
  );

  it(
    'exits with 0 when somebody else unmounts',
    async () => {
      await using mount = await Mount.start(points.create(), [
        '--store',
        local,
      ]);
      await output(runProgram('umount', [mount.point]));
      expect(await mount.exited).toBe(0);
    },
    TEST_MS,
  );

  it(
    'leaves no mount behind when it is killed, and open files give errors',
    async () => {
      const name = await importFolder(
        'killed',
        seededBytes(3, 3_000_000).toString('latin1'),
      );
      await using mount = await Mount.start(points.create(), [
        '--store',
        local,
      ]);
      const file = await open(join(mount.point, name, 'file'), 'r');
      await mount.stop('SIGKILL');
      await expect(read(file, Buffer.alloc(1), 0, 1, 0)).rejects.toMatchObject({
        code: 'ENOTCONN',
      });
      // Closing asks the server, too.
      await expect(close(file)).rejects.toMatchObject({ code: 'ENOTCONN' });
      await until(() => !isMounted(mount.point));
    },
    TEST_MS,
  );
});

describeWith(['root', '/dev/fuse'], 'tvix-store mount --exec', () => {
  const storeDirectory = '/nix/store';
  const madeDirectory = existsSync(storeDirectory)
    ? undefined
    : mkdirSync(storeDirectory, { recursive: true });

  afterAll(() => {
    if (madeDirectory === undefined) return;
    rmdirSync(storeDirectory);
    if (madeDirectory !== storeDirectory) rmdirSync(madeDirectory);
  });

  it(
    'runs a program out of a copied closure, where alone it sees the store at its place',
    async () => {
      const greeting = await importFolder('greeting', 'Hello from afar\n');
      const script = await importFolder(
        'script',
        `#!/bin/sh\nread -r line < ${storeDirectory}/${greeting}/file\necho "$line, $1"\nexit 42\n`,
      );
      // What a build would have registered: a path that refers to another.
      const program = StorePath.fromNameAndDigest(
        'program',
        seededBytes(4, 20),
      );
      const channel = createGrpcChannel({ type: 'unix', path: socket });
      const pathInfos = new GrpcPathInfoService(channel);
      const { digest } = StorePath.parse(Buffer.from(script));
      const { node } = (await pathInfos.get(digest))!;
      const { digest: reference } = StorePath.parse(Buffer.from(greeting));
      await pathInfos.put(PathInfo.createBare(program, node, [reference]));
      channel.close();

      const path = `${storeDirectory}/${program.toString()}`;
      const copy = `local:${join(scratch.path, 'copy')}`;
      await output(tvixStore(['copy', '--from', remote, '--to', copy, path]));
      const { code, stdout } = await tvixStore([
        ...['mount', storeDirectory, '--store', copy, '--exec'],
        ...['--', `${path}/file`, '--how are you?'],
      ]);
      expect(stdout.toString()).toBe('Hello from afar, --how are you?\n');
      expect(code).toBe(42);
      expect(existsSync(path)).toBe(false);
    },
    TEST_MS,
  );

  it(
    'passes SIGTERM on, and exits as the command does',
    async () => {
      const { code, stdout } = await tvixStore([
        ...['mount', points.create(), '--store', remote, '--exec', '--'],
        'sh',
        '-c',
        'trap "echo told; exit 3" TERM; kill -TERM $PPID; while :; do read -r line; done',
      ]);
      expect(stdout.toString()).toBe('told\n');
      expect(code).toBe(3);
    },
    TEST_MS,
  );
});

describeWith(
  ['root', '/dev/fuse', 'fusermount3'],
  'tvix-store mount by an ordinary user',
  () => {
    const { mode } = statSync('/dev/fuse');

    // As distributions have it.
    beforeAll(() => chmodSync('/dev/fuse', 0o666));
    afterAll(() => chmodSync('/dev/fuse', mode & 0o777));

    it(
      'mounts a store of somebody else through fusermount3, for that user alone',
      async () => {
        const name = await importFolder('for-nobody', 'seen');
        const point = points.create();
        chownSync(point, NOBODY.uid, NOBODY.gid);
        await using mount = await Mount.start(
          point,
          ['--store', local],
          NOBODY,
        );
        const file = join(point, name, 'file');
        const seen = await line(
          runProgram('setpriv', [
            ...[`--reuid=${NOBODY.uid}`, `--regid=${NOBODY.gid}`],
            ...['--clear-groups', 'cat', file],
          ]),
        );
        expect(seen).toBe('seen');
        await expect(readFile(file)).rejects.toMatchObject({ code: 'EACCES' });
        expect(await mount.stop()).toBe(0);
        expect(isMounted(point)).toBe(false);
      },
      TEST_MS,
    );
  },
);

describeWith(['/dev/fuse'], 'tvix-store mount of what is wrong', () => {
  const unknown = `b3:${Buffer.alloc(32, 7).toString('base64')}`;
  const place = scratch.path;

  for (const [what, args, code, message] of [
    [
      'a directory that the store lacks',
      ['--castore', unknown, '--store', remote, place],
      1,
      `directory ${unknown} is not in the store`,
    ],
    [
      'a store that is not there',
      ['--store', `local:${place}/nowhere`, place],
      1,
      'holds no store',
    ],
    [
      'a place that is not there',
      ['--store', remote, `${place}/nowhere`],
      1,
      `${place}/nowhere can't be mounted on`,
    ],
    ['a digest that is none', ['--castore', 'b3:x', place], 1, 'digest'],
    [
      '--exec without a command',
      ['--exec', place],
      2,
      '--exec needs a command',
    ],
    [
      'a command without --exec',
      [place, 'ls'],
      2,
      'only --exec takes a command',
    ],
  ] as const) {
    it(`says why: ${what}`, async () => {
      const { stderr, ...result } = await tvixStore(['mount', ...args]);
      expect(stderr).toContain(message);
      expect(result.code).toBe(code);
      expect(isMounted(place)).toBe(false);
    });
  }
});
