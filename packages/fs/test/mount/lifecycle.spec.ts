import { afterEach, expect, it, jest } from '@jest/globals';
import { once } from 'node:events';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import type { Node } from '@tvix/castore';
import { mountFuse } from '../../dist/fuse/index.js';
import { memoryServices, putFile, putTree } from '../support/tree.ts';
import { rootNodesFromMap } from './support/backends.ts';
import { Mounts, shell } from './support/mounts.ts';
import { describeMounts } from './support/requirements.ts';

jest.setTimeout(40_000);

const SERVE = fileURLToPath(new URL('./support/serve.mjs', import.meta.url));

/** Resolves when something holds; the test's time-out ends the wait. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds()))
    await new Promise((resolve) => setImmediate(resolve));
}

async function isMounted(point: string): Promise<boolean> {
  return (await readFile('/proc/mounts', 'latin1')).includes(` ${point} `);
}

describeMounts('a mount, from beginning to end', ['fuse', 'root'], () => {
  const mounts = new Mounts();

  afterEach(() => mounts.clear(), 60_000);

  async function served(point: string): Promise<ChildProcess> {
    const child = mounts.start(process.execPath, [SERVE, point]);
    await once(child.stdout!, 'data');
    return child;
  }

  it('shows root nodes that come later, and drops those that go, without a new mount', async () => {
    const services = memoryServices();
    const roots = new Map<string, Node>();
    const { mountPoint } = await mounts.mount({
      ...services,
      rootNodes: rootNodesFromMap(roots),
      listRoot: true,
      rootTtlSeconds: 0,
    });
    const path = join(mountPoint, 'new');
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readdir(mountPoint)).toEqual([]);
    roots.set('new', await putFile(services, 'one'));
    expect(await readFile(path, 'utf8')).toBe('one');
    expect(await readdir(mountPoint)).toEqual(['new']);
    roots.set('new', await putTree(services, { a: 'two' }));
    expect(await readFile(join(path, 'a'), 'utf8')).toBe('two');
    roots.delete('new');
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('ends by itself when somebody else unmounts it', async () => {
    const mount = await mounts.mount({
      ...memoryServices(),
      rootNodes: rootNodesFromMap(new Map()),
    });
    await shell(`umount ${mount.mountPoint}`);
    await mount.ended;
    expect(await mount.close()).toBe(true);
  });

  it('goes out of sight while a file is open, which can still be read', async () => {
    const services = memoryServices();
    const mount = await mounts.mount({
      ...services,
      rootNodes: rootNodesFromMap(
        new Map([['file', await putFile(services, 'still here')]]),
      ),
    });
    const file = await open(join(mount.mountPoint, 'file'));
    await mount.unmount();
    expect(await isMounted(mount.mountPoint)).toBe(false);
    expect(await file.readFile('utf8')).toBe('still here');
    await file.close();
    await mount.ended;
  });

  it('ends when its signal fires', async () => {
    const controller = new AbortController();
    const mount = await mounts.mount({
      ...memoryServices(),
      rootNodes: rootNodesFromMap(new Map()),
      signal: controller.signal,
    });
    controller.abort();
    await mount.ended;
    expect(await isMounted(mount.mountPoint)).toBe(false);
  });

  it('cuts off who waits for an answer that never comes, when closed', async () => {
    const mount = await mounts.mount({
      ...memoryServices(),
      rootNodes: {
        get: () => new Promise(() => undefined),
        async *list() {},
      },
    });
    const client = spawn('stat', [join(mount.mountPoint, 'stuck')], {
      stdio: 'ignore',
      env: { LC_ALL: 'C' },
    });
    const gone = once(client, 'exit');
    expect(await mount.close()).toBe(false);
    expect((await gone)[0]).toBe(1);
  });

  it('cuts off whoever still uses it when the signal of the close fires', async () => {
    const services = memoryServices();
    const mount = await mounts.mount({
      ...services,
      rootNodes: rootNodesFromMap(
        new Map([['file', await putFile(services, 'cut off')]]),
      ),
    });
    // Held open by another process, so that the end of its descriptor fails out of sight.
    const user = mounts.start('sh', [
      '-c',
      `exec 3<${join(mount.mountPoint, 'file')} && echo open && exec tail -f /dev/null`,
    ]);
    await once(user.stdout!, 'data');
    // The usual patience would never end.
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
    try {
      expect(await mount.close({ signal: AbortSignal.abort() })).toBe(false);
    } finally {
      jest.useRealTimers();
    }
    expect(await isMounted(mount.mountPoint)).toBe(false);
  });

  it('lets a client be killed that waits for an answer', async () => {
    const point = await mounts.point();
    await served(point);
    const client = spawn('stat', [join(point, 'stuck')], { stdio: 'ignore' });
    const state = (): Promise<string> =>
      readFile(`/proc/${client.pid}/wchan`, 'latin1');
    await until(async () => /fuse|request_wait/.test(await state()));
    const gone = once(client, 'exit');
    client.kill('SIGKILL');
    expect((await gone)[1]).toBe('SIGKILL');
    expect(await readFile(join(point, 'hello'), 'utf8')).toBe('hello\n');
  });

  it('is unmounted when its server is told to end', async () => {
    const point = await mounts.point();
    const server = await served(point);
    expect(await readFile(join(point, 'hello'), 'utf8')).toBe('hello\n');
    server.kill('SIGTERM');
    expect((await once(server, 'exit'))[0]).toBe(0);
    expect(await isMounted(point)).toBe(false);
  });

  it('is unmounted when its server is killed; whoever waits gets an error', async () => {
    const point = await mounts.point();
    const server = await served(point);
    const file = await open(join(point, 'hello'));
    const client = spawn('stat', [join(point, 'stuck')], { stdio: 'ignore' });
    const gone = once(client, 'exit');
    server.kill('SIGKILL');
    expect((await gone)[0]).toBe(1);
    await until(async () => !(await isMounted(point)));
    await expect(
      file.stat({ bigint: true }).then(() => file.read()),
    ).rejects.toMatchObject({ code: 'ENOTCONN' });
    await file.close();
  });

  it('takes the place of one whose server was killed without a trace', async () => {
    const point = await mounts.point();
    const server = await served(point);
    // The watchdog too: its whole session of processes that hold this mount point.
    await shell(`pkill -KILL -f 'tvix-fs-watchdog ${point}$'`);
    server.kill('SIGKILL');
    await once(server, 'exit');
    expect(await isMounted(point)).toBe(true);
    await expect(readdir(point)).rejects.toMatchObject({ code: 'ENOTCONN' });
    await served(point);
    expect(await readdir(point)).toEqual(['hello']);
  });

  it('leaves a mount alone that has taken its place', async () => {
    const point = await mounts.point();
    const first = await served(point);
    const second = await served(point);
    first.kill('SIGKILL');
    await once(first, 'exit');
    expect(await readdir(point)).toEqual(['hello']);
    second.kill('SIGTERM');
    await once(second, 'exit');
  });

  it('fails clearly where it cannot be', async () => {
    const services = {
      ...memoryServices(),
      rootNodes: rootNodesFromMap(new Map()),
    };
    for (const mountPoint of ['/nonexistent/place', '/proc/self/status'])
      await expect(
        mountFuse({ ...services, mountPoint }),
      ).rejects.toMatchObject({ code: 'fs/bad-mount-point' });
    const mountPoint = await mounts.point();
    await expect(
      mountFuse({ services: { module: 'file:///no/such.mjs' }, mountPoint }),
    ).rejects.toMatchObject({ code: 'fs/services-failed' });
    expect(await isMounted(mountPoint)).toBe(false);
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(
      mountFuse({ ...services, mountPoint, signal }),
    ).rejects.toThrow('too late');
  });
});
