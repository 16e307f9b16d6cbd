import { afterEach, describe, expect, it } from '@jest/globals';
import { CastoreError, hashBytes, pathComponent } from '@tvix/castore';
import { MessageChannel } from 'node:worker_threads';
import { ServiceBlobSource } from '../../src/blob-source.ts';
import { ServiceClient } from '../../src/fuse/service-client.ts';
import { ServiceHost } from '../../src/fuse/service-host.ts';
import type { FsServices } from '../../src/fuse/service-host.ts';
import { rootNodesFromEntries } from '../../src/root-nodes.ts';
import { digestOf, memoryServices, putFile, putTree } from '../support/tree.ts';

const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0)) close();
});

function connected(services: FsServices): FsServices {
  const { port1, port2 } = new MessageChannel();
  const host = new ServiceHost(port1, services);
  open.push(() => host.close());
  return new ServiceClient(port2).services(false);
}

describe('services in another thread', () => {
  it('give root nodes, directories, blobs and parts of blobs as they are', async () => {
    const services = memoryServices();
    const big = Buffer.alloc(700_000, 'abcde');
    const tree = await putTree(services, {
      file: 'x',
      'run*': 'y',
      link: ['file'],
      d: {},
    });
    const blob = digestOf(await putFile(services, big));
    const far = connected({
      rootNodes: rootNodesFromEntries([['tree', tree]]),
      directories: services.directories,
      blobs: new ServiceBlobSource(services.blobs),
    });
    expect(await far.rootNodes.get(pathComponent('tree'))).toEqual(tree);
    expect(await far.rootNodes.get(pathComponent('other'))).toBeUndefined();
    const directory = await far.directories.get(digestOf(tree));
    expect(directory!.digest.equals(digestOf(tree))).toBe(true);
    expect(await far.directories.get(blob)).toBeUndefined();
    const nothing = hashBytes(Buffer.from('nothing'));
    const [first, absent, again] = await far.blobs.getMany([
      blob,
      nothing,
      blob,
    ]);
    expect(Buffer.from(first!).equals(big)).toBe(true);
    expect(Buffer.from(again!).equals(big)).toBe(true);
    expect(absent).toBeUndefined();
    const part = await far.blobs.range(blob, 5, 10);
    expect(Buffer.from(part!).toString()).toBe('abcdeabcde');
    expect(await far.blobs.chunks(blob)).toEqual([]);
    expect(await far.blobs.chunks(nothing)).toBeUndefined();
    // Whatever moved to this side, the store still has its own.
    expect(await services.blobs.has(blob)).toBe(true);
    expect(Buffer.from((await far.blobs.getMany([blob]))[0]!).equals(big)).toBe(
      true,
    );
  });

  it('list any number of root nodes, and stop when nobody listens any more', async () => {
    const services = memoryServices();
    const node = await putFile(services, 'x');
    let listed = 0;
    let ended = 0;
    const far = connected({
      rootNodes: {
        get: async () => undefined,
        async *list() {
          try {
            for (; listed < 1000; listed++)
              yield { name: pathComponent(`${listed}`), node };
          } finally {
            ended++;
          }
        },
      },
      directories: services.directories,
      blobs: new ServiceBlobSource(services.blobs),
    });
    let count = 0;
    for await (const entry of far.rootNodes.list())
      expect(Buffer.from(entry.name).toString()).toBe(`${count++}`);
    expect([count, ended]).toEqual([1000, 1]);
    listed = 0;
    const listing = far.rootNodes.list()[Symbol.asyncIterator]();
    await listing.next();
    await listing.return?.();
    expect(listed).toBeLessThan(1000);
    expect(ended).toBe(2);
  });

  it('say what went wrong, and go on', async () => {
    const services = memoryServices();
    let isDead = true;
    const far = connected({
      rootNodes: rootNodesFromEntries([]),
      directories: {
        async get(digest) {
          if (isDead) {
            const cause = new TypeError('the reason');
            throw new CastoreError('castore/unavailable', 'asleep', { cause });
          }
          return services.directories.get(digest);
        },
      },
      blobs: new ServiceBlobSource(services.blobs),
    });
    const digest = hashBytes(Buffer.from('x'));
    await expect(far.directories.get(digest)).rejects.toMatchObject({
      code: 'EIO',
      message: 'asleep',
      cause: {
        name: 'CastoreError',
        code: 'castore/unavailable',
        stack: expect.stringContaining('service-channel.spec'),
        cause: { name: 'TypeError', message: 'the reason' },
      },
    });
    isDead = false;
    expect(await far.directories.get(digest)).toBeUndefined();
  });

  it('hear of it when nobody waits any more', async () => {
    const services = memoryServices();
    let started = (): void => undefined;
    const running = new Promise<void>((resolve) => (started = resolve));
    const aborted = new Promise<void>((resolve) => {
      const far = connected({
        rootNodes: rootNodesFromEntries([]),
        directories: {
          get: (_, options) =>
            new Promise((_resolve, reject) => {
              options?.signal?.addEventListener('abort', () => {
                resolve();
                reject(new Error('given up'));
              });
              started();
            }),
        },
        blobs: new ServiceBlobSource(services.blobs),
      });
      const controller = new AbortController();
      const { signal } = controller;
      far.directories
        .get(hashBytes(Buffer.from('x')), { signal })
        .catch(() => undefined);
      void running.then(() => controller.abort());
    });
    await aborted;
  });
});
