import { createHash } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import {
  B3Digest,
  Directory,
  hashBytes,
  MemoryBlobService,
  MemoryDirectoryService,
  pathComponent,
  symlinkTarget,
} from '@tvix/castore';
import type { DirectoryLookup, FileNode, Node } from '@tvix/castore';
import { FaultyBlobService, seededBytes } from '@tvix/castore/conformance';
import { RenderingNarCalculation } from '../../src/nar/rendering-calculation.ts';
import { RenderBuffers } from '../../src/nar/render-buffers.ts';
import { renderNar } from '../../src/nar/render.ts';
import type { TreeStorage } from '../../src/nar/tree-storage.ts';
import {
  BLOBS,
  collect,
  hex,
  storeEndlessTree,
  storeTree,
} from '../fixtures.ts';
import { ARCHIVES, NARS, TREE_NAMES } from './vectors.ts';

function memoryStorage() {
  return {
    blobs: new MemoryBlobService(),
    directories: new MemoryDirectoryService(),
  };
}

/** A storage that has nothing at hand: contents are fetched. */
function remoteStorage() {
  return {
    blobs: new FaultyBlobService(new MemoryBlobService(), {}),
    directories: new MemoryDirectoryService(),
  };
}

/** Files of all lengths around those of pieces, many small ones among them. */
async function manyFiles(storage: TreeStorage): Promise<Node> {
  const lengths = [
    ...Array.from({ length: 400 }, (_, i) => i * 7),
    ...[65_535, 65_536, 131_072, 131_073, 262_143, 262_144, 262_145, 700_000],
  ];
  const blobs = lengths.map((length, i) => seededBytes(length, i + 1));
  const digests = await storage.blobs.putMany(blobs);
  const directory = Directory.fromEntries(
    digests.map((digest, i) => ({
      name: pathComponent(`f${String(i).padStart(3, '0')}`),
      node: {
        type: 'file',
        digest,
        size: BigInt(lengths[i]!),
        executable: i % 2 === 1,
      },
    })),
  );
  await storage.directories.put(directory);
  return { type: 'directory', digest: directory.digest, size: directory.size };
}

/** A directory with one node below, as deep as asked for. */
async function nested(
  levels: number,
  storage: ReturnType<typeof memoryStorage>,
): Promise<Node> {
  let node: Node = { type: 'symlink', target: symlinkTarget('x') };
  for (let level = 1; level < levels; level++) {
    const directory = Directory.fromEntries([
      { name: pathComponent('d'), node },
    ]);
    await storage.directories.put(directory);
    node = {
      type: 'directory',
      digest: directory.digest,
      size: directory.size,
    };
  }
  return node;
}

async function directoryOf(
  name: string,
  node: Node,
  storage: ReturnType<typeof memoryStorage>,
): Promise<Node> {
  const directory = Directory.fromEntries([
    { name: pathComponent(name), node },
  ]);
  await storage.directories.put(directory);
  return { type: 'directory', digest: directory.digest, size: directory.size };
}

describe('renderNar', () => {
  it.each(TREE_NAMES)('renders the NAR of %s', async (name) => {
    const storage = memoryStorage();
    const node = await storeTree(name, storage);
    const archive = await collect(renderNar(node, storage));
    expect([
      archive.length,
      createHash('sha256').update(archive).digest('hex'),
    ]).toEqual(NARS[name]);
  });

  it.each(['symlink', 'helloWorld'] as const)(
    'renders %s byte for byte',
    async (name) => {
      const storage = memoryStorage();
      const node = await storeTree(name, storage);
      expect(hex(await collect(renderNar(node, storage)))).toBe(ARCHIVES[name]);
    },
  );

  it('renders the same from what is at hand, from what is fetched, and into buffers that are given back', async () => {
    const remote = remoteStorage();
    const node = await manyFiles(remote);
    const fetched = await collect(renderNar(node, remote));
    const near = memoryStorage();
    await manyFiles(near);
    expect(Buffer.compare(await collect(renderNar(node, near)), fetched)).toBe(
      0,
    );
    for (const storage of [near, remote]) {
      const buffers = new RenderBuffers();
      const hash = createHash('sha256');
      const memory = new Set<ArrayBufferLike>();
      for await (const piece of renderNar(node, storage, { buffers })) {
        hash.update(piece);
        memory.add(piece.buffer);
        piece.fill(0xff);
        buffers.give(piece);
      }
      expect(hash.digest('hex')).toBe(
        createHash('sha256').update(fetched).digest('hex'),
      );
      if (storage === near) expect(memory.size).toBeLessThan(8);
    }
  });

  it('lets others have their turn while it renders what is at hand', async () => {
    const storage = memoryStorage();
    const node = await manyFiles(storage);
    let turns = 0;
    const count = (): void => {
      turns++;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    let now = 0;
    const clock = jest
      .spyOn(performance, 'now')
      .mockImplementation(() => now++);
    try {
      await collect(renderNar(node, storage));
    } finally {
      clock.mockRestore();
      clearImmediate(timer);
    }
    expect(turns).toBeGreaterThan(50);
  });

  it('points at the file whose blob is missing', async () => {
    const storage = memoryStorage();
    const missing: Node = {
      type: 'file',
      digest: hashBytes(BLOBS.helloWorld),
      size: 12n,
      executable: false,
    };
    const node = await directoryOf('nowhere', missing, storage);
    await expect(collect(renderNar(node, storage))).rejects.toMatchObject({
      code: 'castore/blob-not-found',
      details: { name: new Uint8Array(Buffer.from('nowhere')) },
    });
  });

  it.each([0n, 1n])(
    'refuses a file of %s bytes whose blob is missing',
    async (size) => {
      const digest = hashBytes(Buffer.alloc(Number(size)));
      const node: Node = { type: 'file', digest, size, executable: false };
      for (const storage of [memoryStorage(), remoteStorage()])
        await expect(collect(renderNar(node, storage))).rejects.toMatchObject({
          code: 'castore/blob-not-found',
        });
    },
  );

  it('refuses a file whose blob is missing', async () => {
    const node: Node = {
      type: 'file',
      digest: hashBytes(BLOBS.helloWorld),
      size: 12n,
      executable: false,
    };
    await expect(
      collect(renderNar(node, memoryStorage())),
    ).rejects.toMatchObject({
      code: 'castore/blob-not-found',
      kind: 'missing',
      details: { digest: node.digest },
    });
  });

  it.each([
    ['shorter', 42n],
    ['longer', 2n],
  ])('refuses a file whose blob is %s than its size', async (_, size) => {
    const storage = memoryStorage();
    const node = (await storeTree('helloWorld', storage)) as FileNode;
    await expect(
      collect(renderNar({ ...node, size }, storage)),
    ).rejects.toMatchObject({
      code: 'castore/wrong-size',
      details: { expected: size, found: 12n },
    });
  });

  it('refuses a tree that lacks a directory', async () => {
    const digest = B3Digest.fromBytes(new Uint8Array(32));
    await expect(
      collect(
        renderNar({ type: 'directory', digest, size: 0n }, memoryStorage()),
      ),
    ).rejects.toMatchObject({
      code: 'castore/directory-not-found',
      kind: 'missing',
    });
  });

  it('renders names of 255 bytes and no longer', async () => {
    const storage = memoryStorage();
    const leaf: Node = { type: 'symlink', target: symlinkTarget('x') };
    const longest = await directoryOf('n'.repeat(255), leaf, storage);
    expect((await collect(renderNar(longest, storage))).length % 8).toBe(0);
    const tooLong = await directoryOf('n'.repeat(256), leaf, storage);
    await expect(collect(renderNar(tooLong, storage))).rejects.toMatchObject({
      code: 'store/no-nar-form',
      cause: { code: 'nar/invalid-name' },
    });
  });

  it('renders targets of 4095 bytes and no longer', async () => {
    const target = (length: number): Node => ({
      type: 'symlink',
      target: symlinkTarget('t'.repeat(length)),
    });
    expect(
      (await collect(renderNar(target(4095), memoryStorage()))).length,
    ).toBe(4208);
    await expect(
      collect(renderNar(target(4096), memoryStorage())),
    ).rejects.toMatchObject({
      code: 'store/no-nar-form',
      cause: { code: 'nar/invalid-target' },
    });
  });

  it('renders trees of 64 levels and no more', async () => {
    const storage = memoryStorage();
    await collect(renderNar(await nested(64, storage), storage));
    await expect(
      collect(renderNar(await nested(65, storage), storage)),
    ).rejects.toMatchObject({
      code: 'store/no-nar-form',
      cause: { code: 'nar/too-deep' },
    });
  });

  it('ends with the reason of the signal', async () => {
    const storage = memoryStorage();
    const node = await storeTree('blobB', storage);
    const controller = new AbortController();
    const reason = new RangeError('enough');
    const chunks = renderNar(node, storage, { signal: controller.signal });
    expect((await chunks.next()).done).toBe(false);
    controller.abort(reason);
    await expect(collect(chunks)).rejects.toBe(reason);
  });

  it('hands on what there is of a tree without a file, and ends with the signal', async () => {
    const { blobs, directories } = memoryStorage();
    const node = await storeEndlessTree(directories);
    let looked = 0;
    const counted: DirectoryLookup = {
      async get(digest, options) {
        if (++looked > 50_000) throw new Error('nothing was handed on');
        return directories.get(digest, options);
      },
    };
    const controller = new AbortController();
    const { signal } = controller;
    const source = { blobs, directories: counted };
    const chunks = renderNar(node, source, { signal });
    expect((await chunks.next()).done).toBe(false);
    const reason = new RangeError('enough');
    controller.abort(reason);
    await expect(collect(chunks)).rejects.toBe(reason);
  });

  it('holds little of a large file at a time', async () => {
    const { directories } = memoryStorage();
    const size = 256 * 1024 * 1024;
    let given = 0;
    let taken = 0;
    let most = 0;
    const blobs = new MemoryBlobService();
    const piece = new Uint8Array(64 * 1024);
    blobs.openRead = async () => ({
      size,
      async *read() {
        for (; given < size; given += piece.length) {
          most = Math.max(most, given - taken);
          yield piece;
        }
      },
      async close() {},
      async [Symbol.asyncDispose]() {},
    });
    const node: Node = {
      type: 'file',
      digest: hashBytes(piece),
      size: BigInt(size),
      executable: false,
    };
    for await (const chunk of renderNar(node, { blobs, directories }))
      taken += chunk.length;
    expect(taken).toBeGreaterThan(size);
    expect(most).toBeLessThan(1024 * 1024);
  });
});

describe('RenderingNarCalculation', () => {
  it.each(TREE_NAMES)('calculates the NAR of %s', async (name) => {
    const storage = memoryStorage();
    const calculation = new RenderingNarCalculation(storage);
    const { narSize, narSha256 } = await calculation.calculateNar(
      await storeTree(name, storage),
    );
    expect([Number(narSize), hex(narSha256)]).toEqual(NARS[name]);
  });
});
