import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  hashBytes,
  MemoryBlobService,
  MemoryDirectoryService,
  nodesEqual,
} from '@tvix/castore';
import { NarWriter } from '@tvix/nar';
import { ingestNar } from '../../src/nar/ingest.ts';
import { renderNar } from '../../src/nar/render.ts';
import { collect, fromHex, hex, storeTree } from '../fixtures.ts';
import { ARCHIVES, NARS, TREE_NAMES } from './vectors.ts';

function memoryStorage() {
  return {
    blobs: new MemoryBlobService(),
    directories: new MemoryDirectoryService(),
  };
}

const SYMLINK = fromHex(ARCHIVES.symlink);
const HELLO = fromHex(ARCHIVES.helloWorld);

describe('ingestNar', () => {
  it.each(TREE_NAMES)('takes in %s and tells its NAR', async (name) => {
    const source = memoryStorage();
    const node = await storeTree(name, source);
    const target = memoryStorage();
    const ingested = await ingestNar(renderNar(node, source), target);
    expect(nodesEqual(ingested.node, node)).toBe(true);
    expect([Number(ingested.narSize), hex(ingested.narSha256)]).toEqual(
      NARS[name],
    );
    const again = await collect(renderNar(ingested.node, target));
    expect(createHash('sha256').update(again).digest('hex')).toBe(
      NARS[name][1],
    );
  });

  it('takes in an archive that comes byte by byte', async () => {
    const storage = memoryStorage();
    const archive = await collect(
      renderNar(await storeTree('complicated', storage), storage),
    );
    const pieces = Array.from(archive, (byte) => Uint8Array.of(byte));
    const { narSize, narSha256 } = await ingestNar(pieces, memoryStorage());
    expect([Number(narSize), hex(narSha256)]).toEqual(NARS.complicated);
  });

  it('gives the directories of the reference', async () => {
    const storage = memoryStorage();
    const root = await storeTree('popdirectories', storage);
    const target = memoryStorage();
    const { node } = await ingestNar(renderNar(root, storage), target);
    expect(
      node.type === 'directory' && [node.digest.toHex(), node.size],
    ).toEqual([
      'c4be42fe5a2cb9d366e2f076d96c60b0a6cdf0c3b02c7b650bf6ec52c71a8932',
      3n,
    ]);
  });

  it('counts and hashes chunks without bytes as nothing', async () => {
    const { narSize } = await ingestNar(
      [new Uint8Array(0), SYMLINK, new Uint8Array(0)],
      memoryStorage(),
    );
    expect(narSize).toBe(136n);
  });

  it.each([
    ['in the same chunk', [Uint8Array.of(...SYMLINK, 0)]],
    ['in a chunk of their own', [SYMLINK, new Uint8Array(8)]],
  ])('refuses bytes after the archive %s', async (_, chunks) => {
    await expect(ingestNar(chunks, memoryStorage())).rejects.toMatchObject({
      code: 'nar/trailing-data',
    });
  });

  it.each([
    ['nothing', []],
    ['an archive without its last byte', [SYMLINK.subarray(0, -1)]],
    ['an archive that ends in a file', [HELLO.subarray(0, 100)]],
  ])('refuses %s', async (_, chunks) => {
    await expect(ingestNar(chunks, memoryStorage())).rejects.toMatchObject({
      code: 'nar/unexpected-eof',
    });
  });

  it('refuses what is no archive', async () => {
    const damaged = SYMLINK.slice();
    damaged[0] = 0x0c;
    await expect(ingestNar([damaged], memoryStorage())).rejects.toMatchObject({
      code: 'nar/invalid-data',
    });
  });

  it('passes a failure of the source on unchanged, and asks it to end after a failure of its own', async () => {
    const broken = new RangeError('connection reset');
    await expect(
      ingestNar(
        (async function* () {
          yield SYMLINK.subarray(0, 40);
          throw broken;
        })(),
        memoryStorage(),
      ),
    ).rejects.toBe(broken);

    let returned = false;
    await expect(
      ingestNar(
        (async function* () {
          try {
            for (;;) yield new Uint8Array(64);
          } finally {
            returned = true;
          }
        })(),
        memoryStorage(),
      ),
    ).rejects.toMatchObject({ code: 'nar/invalid-data' });
    expect(returned).toBe(true);
  });

  it('holds little of a large file at a time', async () => {
    const size = 256 * 1024 * 1024;
    const piece = new Uint8Array(64 * 1024);
    let given = 0;
    let taken = 0;
    let most = 0;
    const storage = memoryStorage();
    storage.blobs.openWrite = () => ({
      async write(chunk) {
        await new Promise(setImmediate);
        taken += chunk.length;
      },
      close: async () => hashBytes(piece),
      async abort() {},
    });
    const writer = new NarWriter();
    writer.regular(false, BigInt(size));
    async function* archive(): AsyncGenerator<Uint8Array> {
      for (; given < size; given += piece.length) {
        writer.data(piece);
        most = Math.max(most, given - taken);
        yield* writer.take();
      }
      writer.finish();
      yield* writer.take();
    }
    const { narSize } = await ingestNar(archive(), storage);
    expect(narSize).toBe(BigInt(size + 112));
    expect(taken).toBe(size);
    expect(most).toBeLessThan(1024 * 1024);
  });

  it('ends with the reason of the signal while the source stalls', async () => {
    const controller = new AbortController();
    const reason = new RangeError('enough');
    const source = {
      async *[Symbol.asyncIterator]() {
        yield SYMLINK.subarray(0, 40);
        controller.abort(reason);
        await new Promise(() => {});
      },
    };
    await expect(
      ingestNar(source, memoryStorage(), { signal: controller.signal }),
    ).rejects.toBe(reason);
  });
});
