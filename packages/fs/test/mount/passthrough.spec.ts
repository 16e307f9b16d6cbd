import { afterEach, expect, it, jest } from '@jest/globals';
import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { memoryServices, putFile } from '../support/tree.ts';
import { rootNodesFromMap } from './support/backends.ts';
import { Mounts, shell } from './support/mounts.ts';
import { describeMounts } from './support/requirements.ts';

jest.setTimeout(60_000);

const MIB = 1024 * 1024;

describeMounts('passthrough', ['fuse', 'root', 'Linux 6.9'], () => {
  const mounts = new Mounts();

  afterEach(() => mounts.clear(), 60_000);

  it('reads large files from copies, small ones through requests, and leaves nothing behind', async () => {
    const services = memoryServices();
    const contents = [3, 4, 5].map((mib) => Buffer.alloc(mib * MIB, `${mib}x`));
    const roots = new Map([['small', await putFile(services, 'small')]]);
    for (const [i, bytes] of contents.entries())
      roots.set(`large-${i}`, await putFile(services, bytes));
    const directory = await mkdtemp(join(tmpdir(), 'tvix-fs-copies-'));
    const mount = await mounts.mount({
      ...services,
      rootNodes: rootNodesFromMap(roots),
      passthrough: { directory, cacheBytes: 9 * MIB, minBytes: MIB },
    });
    const at = (name: string): string => join(mount.mountPoint, name);
    expect(await readFile(at('small'), 'utf8')).toBe('small');
    // The cache holds two of the three: each round drops copies and makes them again.
    for (let round = 0; round < 2; round++) {
      for (const [i, bytes] of contents.entries()) {
        const [one, two] = [
          await open(at(`large-${i}`)),
          await open(at(`large-${i}`)),
        ];
        expect((await one.readFile()).equals(bytes)).toBe(true);
        expect((await two.readFile()).equals(bytes)).toBe(true);
        await one.close();
        await two.close();
      }
    }
    const sum = `sha256sum < ${at('large-0')}`;
    expect(
      new Set(
        (await shell(`${sum} & ${sum} & ${sum} & wait`)).trim().split('\n'),
      ).size,
    ).toBe(1);
    expect(await readdir(directory)).toEqual([]);
    await mount.close();
    await rm(directory, { recursive: true });
  });

  it('asks nobody once a file is open', async () => {
    const services = memoryServices();
    const bytes = Buffer.alloc(3 * MIB, 'abc');
    const roots = new Map([['large', await putFile(services, bytes)]]);
    let isDead = false;
    const mount = await mounts.mount({
      directories: services.directories,
      blobs: {
        capabilities: services.blobs.capabilities,
        getMany: (digests) => services.blobs.getMany(digests),
        stat: (digest) => services.blobs.stat(digest),
        openRead: (digest) =>
          isDead
            ? Promise.reject(new Error('dead'))
            : services.blobs.openRead(digest),
      },
      rootNodes: rootNodesFromMap(roots),
      passthrough: {},
      blobCacheBytes: 0,
    });
    await using file = await open(join(mount.mountPoint, 'large'));
    isDead = true;
    await shell('echo 3 > /proc/sys/vm/drop_caches');
    expect((await file.readFile()).equals(bytes)).toBe(true);
  });

  it('does without where there is no room for copies', async () => {
    const services = memoryServices();
    const bytes = Buffer.alloc(3 * MIB, 'abc');
    const roots = new Map([['large', await putFile(services, bytes)]]);
    const { mountPoint } = await mounts.mount({
      ...services,
      rootNodes: rootNodesFromMap(roots),
      passthrough: { directory: '/nonexistent' },
    });
    expect((await readFile(join(mountPoint, 'large'))).equals(bytes)).toBe(
      true,
    );
  });
});
