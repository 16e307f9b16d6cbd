import { describe, expect, it } from '@jest/globals';
import {
  Directory,
  MemoryBlobService,
  MemoryDirectoryService,
  pathComponent,
  symlinkTarget,
} from '@tvix/castore';
import type { BlobReader, B3Digest, Node } from '@tvix/castore';
import { renderNar } from '../../src/nar/render.ts';
import { renderNarFrom } from '../../src/nar/seekable.ts';
import { NarSizes } from '../../src/nar/sizes.ts';
import { collect, storeTree } from '../fixtures.ts';
import type { TreeName } from '../fixtures.ts';

/** Keeps count of which bytes were read. */
class CountingBlobs extends MemoryBlobService {
  read: B3Digest[] = [];

  override async openRead(digest: B3Digest): Promise<BlobReader | undefined> {
    this.read.push(digest);
    return super.openRead(digest);
  }

  override async getMany(
    digests: readonly B3Digest[],
  ): Promise<readonly (Uint8Array | undefined)[]> {
    this.read.push(...digests);
    return super.getMany(digests);
  }

  override readWhole(digest: B3Digest, into: Uint8Array): boolean {
    this.read.push(digest);
    return super.readWhole(digest, into);
  }
}

function storage(): {
  blobs: CountingBlobs;
  directories: MemoryDirectoryService;
} {
  return {
    blobs: new CountingBlobs(),
    directories: new MemoryDirectoryService(),
  };
}

type Storage = ReturnType<typeof storage>;

async function put(store: Storage, bytes: Uint8Array): Promise<Node> {
  const [digest] = await store.blobs.putMany([bytes]);
  return {
    type: 'file',
    digest: digest!,
    size: BigInt(bytes.length),
    executable: bytes.length % 2 === 1,
  };
}

async function directory(
  store: Storage,
  entries: Record<string, Node>,
): Promise<Node> {
  const made = Directory.fromEntries(
    Object.entries(entries).map(([name, node]) => ({
      name: pathComponent(name),
      node,
    })),
  );
  await store.directories.put(made);
  return { type: 'directory', digest: made.digest, size: made.size };
}

/** Directories before, around and after files large and small. */
async function variedTree(store: Storage): Promise<Node> {
  const large = new Uint8Array(150_003).map((_, i) => i % 251);
  const inner = await directory(store, {
    'large.bin': await put(store, large),
    link: { type: 'symlink', target: symlinkTarget('large.bin') },
    small: await put(store, new Uint8Array(13).fill(7)),
  });
  return directory(store, {
    a: await put(store, new Uint8Array(100).fill(1)),
    b: inner,
    c: await directory(store, {}),
    d: await put(store, large.subarray(0, 140_000)),
    e: inner,
  });
}

async function expectEveryOffset(
  node: Node,
  store: Storage,
  step: number,
): Promise<void> {
  const whole = Buffer.from(await collect(renderNar(node, store)));
  const sizes = new NarSizes(store.directories);
  expect(await sizes.ofArchive(node)).toBe(BigInt(whole.length));
  for (let offset = 0; offset <= whole.length + 1; offset += step) {
    const tail = await collect(
      renderNarFrom(node, BigInt(offset), store, sizes),
    );
    if (!whole.subarray(offset).equals(tail))
      throw new Error(`wrong bytes from offset ${offset}`);
  }
}

describe('a NAR from an offset on', () => {
  const names: TreeName[] = [
    'symlink',
    'helloWorld',
    'helloWorldExecutable',
    'emptyFile',
    'emptyDirectory',
    'complicated',
    'popdirectories',
  ];
  for (const name of names) {
    it(`is the end of the whole at every offset of the tree ${name}`, async () => {
      const store = storage();
      await expectEveryOffset(await storeTree(name, store), store, 1);
    });
  }

  it('is the end of the whole at every seventh byte around headers, and here and there in large files', async () => {
    const store = storage();
    await expectEveryOffset(await variedTree(store), store, 397);
  });

  it('is the end of the whole around every boundary of a large file', async () => {
    const store = storage();
    const bytes = new Uint8Array(131_077).map((_, i) => i % 253);
    const file = await put(store, bytes);
    const root = await directory(store, { f: file, g: file });
    const whole = Buffer.from(await collect(renderNar(root, store)));
    const sizes = new NarSizes(store.directories);
    for (const boundary of [0, 24, 104, 208, 131_285, 131_300, whole.length]) {
      for (let at = boundary - 40; at < boundary + 40; at++) {
        if (at < 0) continue;
        const tail = await collect(
          renderNarFrom(root, BigInt(at), store, sizes),
        );
        expect(whole.subarray(at).equals(tail)).toBe(true);
      }
    }
  });

  it('reads no blob that lies before the offset', async () => {
    const store = storage();
    const before = await put(store, new Uint8Array(200_000).fill(1));
    const after = await put(store, new Uint8Array(10).fill(2));
    const root = await directory(store, { a: before, b: after });
    const sizes = new NarSizes(store.directories);
    const total = await sizes.ofArchive(root);
    store.blobs.read = [];
    await collect(renderNarFrom(root, total - 100n, store, sizes));
    expect(store.blobs.read.map((digest) => digest.toHex())).toStrictEqual(
      after.type === 'file' ? [after.digest.toHex()] : [],
    );
  });

  it('fails where the blob is shorter than its file says', async () => {
    const store = storage();
    const file = await put(store, new Uint8Array(200_000));
    if (file.type !== 'file') throw new Error('a file was made');
    const lying: Node = { ...file, size: 300_000n };
    const sizes = new NarSizes(store.directories);
    await expect(
      collect(renderNarFrom(lying, 250_000n, store, sizes)),
    ).rejects.toMatchObject({ code: 'castore/wrong-size' });
  });

  it('fails where a blob is not stored', async () => {
    const store = storage();
    const file = await put(storage(), new Uint8Array(200_000));
    const sizes = new NarSizes(store.directories);
    await expect(
      collect(renderNarFrom(file, 150_000n, store, sizes)),
    ).rejects.toMatchObject({ code: 'castore/blob-not-found' });
  });
});

describe('the sizes of NARs', () => {
  it('are refused for a tree that is deeper than a NAR may be', async () => {
    const store = storage();
    let node = await directory(store, {});
    for (let depth = 0; depth < 70; depth++)
      node = await directory(store, { d: node });
    await expect(
      new NarSizes(store.directories).ofArchive(node),
    ).rejects.toMatchObject({ code: 'store/no-nar-form' });
  });

  it('are told of a tree that refers to the same directories over and over in the time of one walk', async () => {
    const store = storage();
    let node = await directory(store, {});
    for (let depth = 0; depth < 50; depth++)
      node = await directory(store, { a: node, b: node });
    const size = await new NarSizes(store.directories).ofArchive(node);
    expect(size > 2n ** 50n).toBe(true);
  });

  it('are told right when fewer are remembered than there are', async () => {
    const store = storage();
    const node = await variedTree(store);
    const whole = await collect(renderNar(node, store));
    expect(await new NarSizes(store.directories, 1).ofArchive(node)).toBe(
      BigInt(whole.length),
    );
  });
});
