import { getMaxListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CallOptions } from '../../src/blob-service/blob-service.ts';
import { MemoryBlobService } from '../../src/blob-service/memory.ts';
import {
  BLOB_B,
  DIRECTORY_B,
  DIRECTORY_COMPLICATED,
  DIRECTORY_WITH_KEEP,
  HELLO_WORLD,
} from '../../src/conformance/fixtures.ts';
import { failAt, stallAt } from '../../src/conformance/faults.ts';
import { FaultyBlobService } from '../../src/conformance/faulty-blob-service.ts';
import type { BlobFaults } from '../../src/conformance/faulty-blob-service.ts';
import { seededBytes } from '../../src/conformance/random.ts';
import type { B3Digest } from '../../src/digest/b3-digest.ts';
import { MemoryDirectoryService } from '../../src/directory-service/memory.ts';
import { Directory } from '../../src/node/directory.ts';
import type { Node } from '../../src/node/node.ts';
import { pathComponent } from '../../src/path/path-component.ts';
import { ingestTree } from '../../src/tree/ingest.ts';
import { readTree } from '../../src/tree/read-tree.ts';
import {
  arbitraryTree,
  COMPLICATED,
  directory,
  file,
  source,
  summary,
  symlink,
  treeOf,
} from './trees.ts';
import type { Tree } from './trees.ts';

function createServices(faults: BlobFaults = {}) {
  return {
    blobs: new FaultyBlobService(new MemoryBlobService(), faults),
    directories: new MemoryDirectoryService(),
  };
}

async function drain(events: AsyncIterable<unknown>): Promise<void> {
  for await (const batch of events) void batch;
}

function fileNode(digest: B3Digest, size: bigint): Node {
  return { type: 'file', digest, size, executable: false };
}

/** A tree with 20 large files and 640 small ones over 100 directories. */
function bigTree(): Tree {
  const part = (i: number): Tree =>
    directory({
      ...Object.fromEntries(
        Array.from({ length: 10 }, (_, j) => [`s${j}`, file(`${i} ${j}`)]),
      ),
      ...(i % 3 === 0
        ? { large: file(seededBytes(150_000 + i, i)) }
        : { deeper: directory({ m: file(seededBytes(50_000, i)) }) }),
      link: symlink(`${i}`),
    });
  return directory(
    Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [`d${i}`, part(i)]),
    ),
  );
}

describe('readTree', () => {
  it('tells what was ingested', async () => {
    const services = createServices();
    for (const tree of [
      COMPLICATED,
      directory(),
      file(''),
      file('x', true),
      file(BLOB_B.contents),
      symlink('target'),
      bigTree(),
    ]) {
      const node = await ingestTree(source(tree), services);
      expect(summary(await treeOf(readTree(node, services)))).toEqual(
        summary(tree),
      );
    }
    expect(services.blobs.openReaders).toBe(0);
  });

  it('tells any tree that was ingested, and ingests it to the same node', async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryTree,
        fc.integer({ min: 1, max: 50 }),
        async (tree, pieceBytes) => {
          const services = createServices();
          const node = await ingestTree(source(tree, pieceBytes), services);
          expect(await treeOf(readTree(node, services))).toEqual(tree);
          expect(
            await ingestTree(readTree(node, services), createServices()),
          ).toEqual(node);
        },
      ),
      { verbose: 1 },
    );
  });

  it('fetches many small files with one call', async () => {
    let calls = 0;
    const services = createServices({
      fault: (call) => {
        if (call === 'getMany') calls++;
      },
    });
    const tree = directory(
      Object.fromEntries(
        Array.from({ length: 100 }, (_, i) => [
          `${i}`,
          directory({ a: file(`${i}`), b: file(`b${i}`) }),
        ]),
      ),
    );
    const node = await ingestTree(source(tree), services);
    expect(await treeOf(readTree(node, services))).toEqual(tree);
    expect(calls).toBe(1);
  });

  it('looks directories up side by side, the next 64 at a time', async () => {
    const services = createServices();
    const tree = directory(
      Object.fromEntries(
        Array.from({ length: 200 }, (_, i) => [
          `${i}`,
          directory({ a: directory({ [`${i}`]: file('') }) }),
        ]),
      ),
    );
    const node = await ingestTree(source(tree), services);
    let rounds = 0;
    let open = 0;
    let most = 0;
    const waiting: (() => void)[] = [];
    // Answers all that were asked once nothing else happens: that is one round trip.
    const answerAll = (): void => {
      rounds++;
      for (const answer of waiting.splice(0)) answer();
    };
    const directories = {
      get: async (digest: B3Digest) => {
        most = Math.max(most, ++open);
        if (waiting.length === 0) setImmediate(answerAll);
        await new Promise<void>((resolve) => waiting.push(resolve));
        open--;
        return services.directories.get(digest);
      },
    };
    expect(
      await treeOf(readTree(node, { blobs: services.blobs, directories })),
    ).toEqual(tree);
    expect(most).toBeLessThanOrEqual(1024);
    // One by one it would be 401.
    expect(rounds).toBeLessThan(40);
  });

  it('tells a tree of 3,000 levels', async () => {
    const services = createServices();
    let child = Directory.EMPTY;
    await services.directories.put(child);
    const levels = 3000;
    for (let i = 0; i < levels; i++) {
      const { digest, size } = child;
      child = Directory.fromEntries([
        { name: pathComponent('d'), node: { type: 'directory', digest, size } },
      ]);
      await services.directories.put(child);
    }
    let depth = 0;
    const { digest, size } = child;
    const root: Node = { type: 'directory', digest, size };
    for await (const batch of readTree(root, services))
      for (const event of batch) if (event.type === 'directory') depth++;
    expect(depth).toBe(levels + 1);
  });

  it('rejects where the root directory or one below is missing', async () => {
    const services = createServices();
    const { directory: b } = DIRECTORY_B;
    const node: Node = { type: 'directory', digest: b.digest, size: b.size };
    await expect(drain(readTree(node, services))).rejects.toMatchObject({
      code: 'castore/directory-not-found',
      details: { digest: b.digest },
    });
    await services.directories.put(b);
    await expect(drain(readTree(node, services))).rejects.toMatchObject({
      code: 'castore/directory-not-found',
      details: { digest: Directory.EMPTY.digest },
    });
  });

  it.each<[string, bigint]>([
    ['small', 12n],
    ['large', 1_000_000n],
  ])('rejects where a %s blob is missing', async (_, size) => {
    const services = createServices();
    const { digest } = HELLO_WORLD;
    await expect(
      drain(readTree(fileNode(digest, size), services)),
    ).rejects.toMatchObject({
      code: 'castore/blob-not-found',
      details: { digest },
    });
  });

  it('names the file whose blob is missing', async () => {
    const services = createServices();
    const { directory: complicated } = DIRECTORY_COMPLICATED;
    await services.directories.put(complicated);
    await services.directories.put(DIRECTORY_WITH_KEEP.directory);
    const { digest, size } = complicated;
    await expect(
      drain(readTree({ type: 'directory', digest, size }, services)),
    ).rejects.toMatchObject({
      code: 'castore/blob-not-found',
      message: expect.stringContaining('".keep"') as unknown,
    });
  });

  it.each<[string, bigint]>([
    ['shorter', 42n],
    ['longer', 2n],
    ['much shorter', 1_000_000n],
    ['much shorter', (1n << 64n) - 1n],
  ])('rejects a blob that is %s than its node says', async (_, size) => {
    const services = createServices();
    await services.blobs.putMany([HELLO_WORLD.contents]);
    await expect(
      drain(readTree(fileNode(HELLO_WORLD.digest, size), services)),
    ).rejects.toMatchObject({
      code: 'castore/wrong-size',
      details: { expected: size, found: 12n },
    });
    expect(services.blobs.openReaders).toBe(0);
  });

  it.each([1_044_479n, 1_044_481n, 200_000n])(
    'rejects a blob of unknown length that is not %d bytes long, and tells no byte too many',
    async (size) => {
      const inner = new MemoryBlobService();
      await inner.putMany([BLOB_B.contents]);
      let isClosed = false;
      const blobs = {
        getMany: inner.getMany.bind(inner),
        openRead: async (digest: B3Digest) => {
          const reader = (await inner.openRead(digest))!;
          return {
            size: undefined,
            read: reader.read.bind(reader),
            close: async () => void (isClosed = true),
            [Symbol.asyncDispose]: async () => {},
          };
        },
      };
      let told = 0;
      await expect(
        (async () => {
          const { directories } = createServices();
          for await (const batch of readTree(fileNode(BLOB_B.digest, size), {
            blobs,
            directories,
          }))
            for (const event of batch)
              if (event.type === 'data') told += event.bytes.length;
        })(),
      ).rejects.toMatchObject({ code: 'castore/wrong-size' });
      expect(told).toBeLessThanOrEqual(Number(size));
      expect(isClosed).toBe(true);
    },
  );

  it.each(['getMany', 'openRead', 'read', 'chunk'] as const)(
    'rejects with the failure of %s, with nothing left open',
    async (call) => {
      const broken = new Error('broken');
      const services = createServices({ fault: failAt(call, broken, 2) });
      const node = await ingestTree(source(bigTree()), services);
      await expect(drain(readTree(node, services))).rejects.toBe(broken);
      expect(services.blobs.openReaders).toBe(0);
    },
  );

  it.each(['getMany', 'openRead', 'read', 'chunk'] as const)(
    'ends with the reason of the signal while %s stalls',
    async (call) => {
      const stall = stallAt(call, 2);
      const services = createServices({ fault: stall.fault });
      const node = await ingestTree(source(bigTree()), services);
      const controller = new AbortController();
      const reason = new Error('enough');
      void stall.isStalled.then(() => controller.abort(reason));
      await expect(drain(readTree(node, services, controller))).rejects.toBe(
        reason,
      );
      expect(services.blobs.openReaders).toBe(0);
    },
  );

  it('lets any number of calls listen to its signal', async () => {
    const services = createServices();
    const node = await ingestTree(source(COMPLICATED), services);
    const { directories, blobs } = services;
    const counts: number[] = [];
    const watched = {
      get: (digest: B3Digest, options?: CallOptions) => {
        counts.push(getMaxListeners(options!.signal!));
        return directories.get(digest);
      },
    };
    await drain(readTree(node, { blobs, directories: watched }));
    const { signal } = new AbortController();
    await drain(readTree(node, { blobs, directories: watched }, { signal }));
    expect(counts).toEqual(Array(4).fill(Infinity));
  });

  it('frees what it holds when it is left early', async () => {
    const services = createServices();
    const node = await ingestTree(source(bigTree()), services);
    for (const after of [1, 2, 3, 10]) {
      let count = 0;
      for await (const batch of readTree(node, services)) {
        expect(batch.length).toBeGreaterThan(0);
        if (++count === after) break;
      }
      expect(services.blobs.openReaders).toBe(0);
    }
  });
});
