import { describe, expect, it } from '@jest/globals';
import {
  Directory,
  MemoryBlobService,
  MemoryDirectoryService,
  pathComponent,
} from '@tvix/castore';
import type {
  B3Digest,
  BlobService,
  DirectoryService,
  Node,
} from '@tvix/castore';
import {
  addCastoreServices,
  GrpcBlobService,
  GrpcDirectoryService,
} from '@tvix/castore/grpc';
import { StorePath } from '@tvix/nar';
import { closureOf } from '../../src/copy/closure.ts';
import { copyPaths } from '../../src/copy/copy-paths.ts';
import { addStoreServices, GrpcPathInfoService } from '../../src/grpc/index.ts';
import { RenderingNarCalculation } from '../../src/nar/rendering-calculation.ts';
import { renderNar } from '../../src/nar/render.ts';
import { PathInfo } from '../../src/path-info/path-info.ts';
import { MemoryPathInfoService } from '../../src/path-info-service/memory.ts';
import type { Store } from '../../src/store.ts';
import { collect, hex, storeTree } from '../fixtures.ts';
import { openLoopback } from '../loopback.ts';

interface MemoryStore extends Store {
  readonly blobs: MemoryBlobService;
  readonly directories: MemoryDirectoryService;
  readonly pathInfos: MemoryPathInfoService;
}

function memoryStore(): MemoryStore {
  return {
    blobs: new MemoryBlobService(),
    directories: new MemoryDirectoryService(),
    pathInfos: new MemoryPathInfoService(),
  };
}

const hash = (byte: number): Uint8Array => new Uint8Array(20).fill(byte);

/** Puts a path whose output hash is made of one byte, with references to others. */
async function putPath(
  store: Store,
  byte: number,
  node: Node,
  references: readonly number[] = [],
): Promise<PathInfo> {
  const storePath = StorePath.fromNameAndDigest(`path-${byte}`, hash(byte));
  return store.pathInfos.put(
    PathInfo.createBare(storePath, node, references.map(hash)),
  );
}

async function copied(
  roots: Iterable<Uint8Array>,
  from: Store,
  to: Store,
  options = {},
): Promise<string[]> {
  const told: string[] = [];
  for await (const { pathInfo, status } of copyPaths(roots, from, to, options))
    told.push(`${pathInfo.storePath.name} ${status}`);
  return told;
}

/** A file node of that many bytes, and its blob in the store. */
async function putFile(
  blobs: BlobService,
  length: number,
  seed = 1,
): Promise<Node & { type: 'file' }> {
  const writer = blobs.openWrite();
  await writer.write(
    new Uint8Array(length).map((_, i) => (i * 7 + seed) % 251),
  );
  return {
    type: 'file',
    digest: await writer.close(),
    size: BigInt(length),
    executable: false,
  };
}

async function putDirectory(
  directories: DirectoryService,
  entries: Record<string, Node>,
): Promise<Node> {
  const directory = Directory.fromEntries(
    Object.entries(entries).map(([name, node]) => ({
      name: pathComponent(name),
      node,
    })),
  );
  await directories.put(directory);
  return { type: 'directory', digest: directory.digest, size: directory.size };
}

describe('copyPaths', () => {
  it('copies a closure, what is referred to before what refers to it', async () => {
    const [from, to] = [memoryStore(), memoryStore()];
    const node = await storeTree('complicated', from);
    await putPath(from, 1, node, [1, 2, 3]);
    await putPath(from, 2, await storeTree('helloWorld', from), [3]);
    await putPath(from, 3, await storeTree('symlink', from));
    await putPath(from, 4, node);
    expect(await copied([hash(1)], from, to)).toEqual([
      'path-3 copied',
      'path-2 copied',
      'path-1 copied',
    ]);
    expect(hex(await collect(renderNar(node, to)))).toBe(
      hex(await collect(renderNar(node, from))),
    );
    for (const byte of [1, 2, 3])
      expect(hex((await to.pathInfos.get(hash(byte)))!.encode())).toBe(
        hex((await from.pathInfos.get(hash(byte)))!.encode()),
      );
    expect(await to.pathInfos.get(hash(4))).toBeUndefined();
  });

  it('leaves alone what the target has, and looks at all it refers to', async () => {
    const [from, to] = [memoryStore(), memoryStore()];
    const node = await storeTree('helloWorld', from);
    await putPath(from, 1, node, [2]);
    await putPath(from, 2, node);
    await putPath(to, 1, await storeTree('symlink', to));
    expect(await copied([hash(1)], from, to)).toEqual([
      'path-2 copied',
      'path-1 present',
    ]);
    expect((await to.pathInfos.get(hash(1)))!.node.type).toBe('symlink');
  });

  it('copies the paths alone where it is told to', async () => {
    const [from, to] = [memoryStore(), memoryStore()];
    const node = await storeTree('symlink', from);
    await putPath(from, 1, node, [2]);
    await putPath(from, 2, node);
    expect(
      await copied([hash(1)], from, to, { followsReferences: false }),
    ).toEqual(['path-1 copied']);
  });

  it('asks only for blobs that the target lacks', async () => {
    const [from, to] = [memoryStore(), memoryStore()];
    const entries: Record<string, Node> = {};
    for (let i = 0; i < 20; i++)
      entries[`file-${i}`] = await putFile(from.blobs, 100, i);
    const known = await putFile(to.blobs, 100, 3);
    await putPath(from, 1, await putDirectory(from.directories, entries));
    const asked: B3Digest[] = [];
    const getMany = from.blobs.getMany.bind(from.blobs);
    from.blobs.getMany = (digests, options) => {
      asked.push(...digests);
      return getMany(digests, options);
    };
    await copied([hash(1)], from, to);
    expect(asked).toHaveLength(19);
    expect(asked.some((digest) => digest.equals(known.digest))).toBe(false);
  });

  it('copies blobs of every length', async () => {
    const [from, to] = [memoryStore(), memoryStore()];
    const entries: Record<string, Node> = {};
    for (const length of [0, 1, 131071, 131072, 131073, 5 * 1024 * 1024])
      entries[`file-${length}`] = await putFile(from.blobs, length);
    for (let i = 0; i < 80; i++)
      entries[`group-${i}`] = await putFile(from.blobs, 131072, i);
    const node = await putDirectory(from.directories, entries);
    await putPath(from, 1, node);
    await copied([hash(1)], from, to);
    const calculate = (store: Store) =>
      new RenderingNarCalculation(store).calculateNar(node);
    expect(await calculate(to)).toEqual(await calculate(from));
  });

  it('sends directories leaves first to a server, also where an earlier one refers to a later one’s child', async () => {
    const [from, backend] = [memoryStore(), memoryStore()];
    const x = await putDirectory(from.directories, {
      file: await putFile(from.blobs, 10),
    });
    const y = await putDirectory(from.directories, { x });
    const node = await putDirectory(from.directories, { a: x, b: y, c: x });
    await putPath(from, 1, node);
    await using loopback = await openLoopback((server) => {
      addCastoreServices(server, backend);
      addStoreServices(server, {
        pathInfos: backend.pathInfos,
        narCalculation: new RenderingNarCalculation(backend),
      });
    });
    const { channel } = loopback;
    const to: Store = {
      blobs: new GrpcBlobService(channel),
      directories: new GrpcDirectoryService(channel),
      pathInfos: new GrpcPathInfoService(channel),
    };
    expect(await copied([hash(1)], from, to)).toEqual(['path-1 copied']);
    expect(hex(await collect(renderNar(node, backend)))).toBe(
      hex(await collect(renderNar(node, from))),
    );
    // And the way back.
    const again = memoryStore();
    expect(await copied([hash(1)], to, again)).toEqual(['path-1 copied']);
    expect(hex(await collect(renderNar(node, again)))).toBe(
      hex(await collect(renderNar(node, from))),
    );
  });

  it('fails on a reference that is not there, after what could be copied', async () => {
    const [from, to] = [memoryStore(), memoryStore()];
    const node = await storeTree('symlink', from);
    await putPath(from, 1, node, [2, 3]);
    await putPath(from, 2, node);
    await expect(copied([hash(1)], from, to)).rejects.toMatchObject({
      code: 'store/path-not-found',
      details: {
        outputHash: hash(3),
        referrer: expect.objectContaining({ name: 'path-1' }),
      },
    });
    expect(await to.pathInfos.get(hash(2))).toBeDefined();
    expect(await to.pathInfos.get(hash(1))).toBeUndefined();
  });

  it('puts no path info of a path whose contents are not whole', async () => {
    const [from, to] = [memoryStore(), memoryStore()];
    const small = await putFile(new MemoryBlobService(), 10);
    const large = await putFile(new MemoryBlobService(), 200_000);
    const lost = await putDirectory(new MemoryDirectoryService(), {
      lost: small,
    });
    const incomplete = [
      [small, 'castore/blob-not-found'],
      [large, 'castore/blob-not-found'],
      [lost, 'castore/directory-not-found'],
      [
        await putDirectory(from.directories, { small }),
        'castore/blob-not-found',
      ],
      [
        await putDirectory(from.directories, { lost }),
        'castore/directory-not-found',
      ],
    ] as const;
    for (const [node, code] of incomplete) {
      await putPath(from, 1, node);
      await expect(copied([hash(1)], from, to)).rejects.toMatchObject({ code });
      expect(await to.pathInfos.get(hash(1))).toBeUndefined();
    }
  });

  it('gives up the blob that it was writing when the source fails', async () => {
    const [from, to] = [memoryStore(), memoryStore()];
    const large = await putFile(from.blobs, 200_000);
    await putPath(from, 1, large);
    const broken = new RangeError('connection reset');
    const openRead = from.blobs.openRead.bind(from.blobs);
    let closed = 0;
    from.blobs.openRead = async (digest) => {
      const reader = (await openRead(digest))!;
      return {
        size: reader.size,
        async *read() {
          yield new Uint8Array(1000);
          throw broken;
        },
        async close() {
          closed++;
        },
        async [Symbol.asyncDispose]() {},
      };
    };
    await expect(copied([hash(1)], from, to)).rejects.toBe(broken);
    expect(closed).toBe(1);
  });

  it('refuses a target that stores something else', async () => {
    const [from, to] = [memoryStore(), memoryStore()];
    const file = await putFile(from.blobs, 10);
    await putPath(from, 1, file);
    to.blobs.putMany = async () => [];
    await expect(copied([hash(1)], from, to)).rejects.toMatchObject({
      code: 'store/protocol',
    });
  });

  it('ends with the reason of the signal', async () => {
    const [from, to] = [memoryStore(), memoryStore()];
    await putPath(from, 1, await storeTree('complicated', from));
    const reason = new RangeError('enough');
    await expect(
      copied([hash(1)], from, to, { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
  });
});

describe('closureOf', () => {
  it('tells each path once, through chains longer than a call stack and through circles', async () => {
    const { pathInfos } = memoryStore();
    const node: Node = {
      type: 'directory',
      digest: Directory.EMPTY.digest,
      size: 0n,
    };
    const hashOf = (n: number): Uint8Array => {
      const bytes = new Uint8Array(20);
      new DataView(bytes.buffer).setUint32(0, n);
      return bytes;
    };
    const length = 20_000;
    for (let n = 0; n < length; n++) {
      const storePath = StorePath.fromNameAndDigest('link', hashOf(n));
      await pathInfos.put(
        PathInfo.createBare(storePath, node, [
          hashOf((n + 1) % length),
          hashOf(n),
        ]),
      );
    }
    let count = 0;
    let first: PathInfo | undefined;
    for await (const pathInfo of closureOf([hashOf(0), hashOf(7)], pathInfos)) {
      first ??= pathInfo;
      count++;
    }
    expect(count).toBe(length);
    expect(hex(first!.storePath.digest)).toBe(hex(hashOf(length - 1)));
  });

  it('looks up ahead, but not all that a path refers to at a time', async () => {
    const store = memoryStore();
    const node: Node = await putFile(store.blobs, 1);
    for (let byte = 1; byte < 250; byte++) await putPath(store, byte, node);
    const leaves = Array.from({ length: 249 }, (_, i) => i + 1);
    const root = await putPath(store, 250, node, leaves);
    let running = 0;
    let most = 0;
    const pathInfos = {
      async get(outputHash: Uint8Array): Promise<PathInfo | undefined> {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        return store.pathInfos.get(outputHash);
      },
    };
    let count = 0;
    for await (const _ of closureOf([root.storePath.digest], pathInfos))
      count++;
    expect(count).toBe(250);
    expect(most).toBeGreaterThan(16);
    expect(most).toBeLessThanOrEqual(64);
  });

  it('refuses what is no output hash', async () => {
    await expect(
      closureOf([new Uint8Array(32)], memoryStore().pathInfos).next(),
    ).rejects.toMatchObject({
      code: 'store/invalid-output-hash-length',
    });
  });
});
