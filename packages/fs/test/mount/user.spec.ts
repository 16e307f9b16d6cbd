import { afterEach, expect, it, jest } from '@jest/globals';
import { once } from 'node:events';
import { execFile, spawn } from 'node:child_process';
import { chmod, chown, readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { execWithMount } from '../../dist/fuse/index.js';
import { memoryServices, putFile, putTree } from '../support/tree.ts';
import { rootNodesFromMap } from './support/backends.ts';
import { Mounts } from './support/mounts.ts';
import { describeMounts } from './support/requirements.ts';

jest.setTimeout(60_000);

/** nobody and nogroup, as Debian numbers them. */
const NOBODY = 65534;

/** Runs with `/dev/fuse` open to everybody, as distributions have it; the mode is put back. */
async function withOpenDevice(operation: () => Promise<void>): Promise<void> {
  const { mode } = await stat('/dev/fuse');
  await chmod('/dev/fuse', 0o666);
  try {
    await operation();
  } finally {
    await chmod('/dev/fuse', mode & 0o777);
  }
}

/** Runs a program of this folder as an ordinary user. */
function asNobody(
  program: string,
  ...args: string[]
): ReturnType<typeof spawn> {
  const path = fileURLToPath(new URL(`./support/${program}`, import.meta.url));
  return spawn(process.execPath, [path, ...args], {
    uid: NOBODY,
    gid: NOBODY,
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

describeMounts('an ordinary user', ['fuse', 'root', 'fusermount3'], () => {
  const mounts = new Mounts();

  afterEach(() => mounts.clear(), 60_000);

  it('mounts through fusermount3, unmounts cleanly, and is cleared up after when killed', async () => {
    await withOpenDevice(async () => {
      const point = await mounts.point();
      await chown(point, NOBODY, NOBODY);
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        const server = asNobody('serve.mjs', point);
        await once(server.stdout!, 'data');
        const { stdout } = await promisify(execFile)(
          'cat',
          [join(point, 'hello')],
          { uid: NOBODY, gid: NOBODY },
        );
        expect(stdout).toBe('hello\n');
        await expect(readFile(join(point, 'hello'))).rejects.toMatchObject({
          code: 'EACCES',
        });
        server.kill(signal);
        await once(server, 'exit');
        while ((await readFile('/proc/mounts', 'latin1')).includes(point))
          await new Promise((resolve) => setImmediate(resolve));
      }
    });
  });
});

describeMounts('a command in a namespace', ['fuse', 'root', 'unshare'], () => {
  const mounts = new Mounts();

  afterEach(() => mounts.clear(), 60_000);

  it('sees what nobody else sees, and gives its exit status', async () => {
    const services = memoryServices();
    const tree = await putTree(services, {
      'program*':
        '#!/bin/sh\nread -r line < "$(dirname "$0")/data"\nexit $line',
      data: '42\n',
    });
    const mountPoint = await mounts.point();
    const options = {
      ...services,
      rootNodes: rootNodesFromMap(
        new Map([
          ['tree', tree],
          ['f', await putFile(services, 'f')],
        ]),
      ),
      mountPoint,
      listRoot: true,
    };
    expect(
      await execWithMount({
        ...options,
        command: [join(mountPoint, 'tree/program')],
      }),
    ).toBe(42);
    expect(
      await execWithMount({
        ...options,
        command: ['sh', '-c', `kill -TERM $$; ls ${mountPoint}`],
      }),
    ).toBe(128 + 15);
    expect(await readFile('/proc/mounts', 'latin1')).not.toContain(mountPoint);
  });

  it('is sent SIGTERM when the signal fires', async () => {
    const mountPoint = await mounts.point();
    const controller = new AbortController();
    const status = execWithMount({
      ...memoryServices(),
      rootNodes: {
        async get() {
          controller.abort();
          return undefined;
        },
        async *list() {},
      },
      mountPoint,
      signal: controller.signal,
      command: ['sh', '-c', `cat ${mountPoint}/asked; exec tail -f /dev/null`],
    });
    expect(await status).toBe(128 + 15);
    await expect(
      execWithMount({
        ...memoryServices(),
        rootNodes: rootNodesFromMap(new Map()),
        mountPoint,
        signal: AbortSignal.abort(new Error('too late')),
        command: ['true'],
      }),
    ).rejects.toThrow('too late');
  });

  it('is not started where unshare is missing, which is told and ends no program', async () => {
    const path = fileURLToPath(
      new URL('./support/exec-without-unshare.mjs', import.meta.url),
    );
    const { stdout } = await promisify(execFile)(process.execPath, [path]);
    expect(stdout).toBe('fs/unsupported\n');
  });

  it('is not started where the mount fails', async () => {
    await expect(
      execWithMount({
        ...memoryServices(),
        rootNodes: rootNodesFromMap(new Map()),
        mountPoint: '/nonexistent/place',
        command: ['true'],
      }),
    ).rejects.toMatchObject({ code: 'fs/mount-failed' });
  });

  it('needs no privilege', async () => {
    await withOpenDevice(async () => {
      const point = await mounts.point();
      await chown(point, NOBODY, NOBODY);
      const child = asNobody('exec.mjs', point, 'cat', join(point, 'hello'));
      let output = '';
      child.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()));
      expect((await once(child, 'close'))[0]).toBe(0);
      expect(output).toBe('hello\n');
    });
  });
});
