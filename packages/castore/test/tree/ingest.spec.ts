import { describe, expect, it } from '@jest/globals';
import type { BlobService } from '../../src/blob-service/blob-service.ts';
import { MemoryBlobService } from '../../src/blob-service/memory.ts';
import {
  BLOB_B,
  DIRECTORY_COMPLICATED,
  DIRECTORY_WITH_KEEP,
  EMPTY_BLOB,
  HELLO_WORLD,
} from '../../src/conformance/fixtures.ts';
import { failAt, stallAt } from '../../src/conformance/faults.ts';
import { seededBytes } from '../../src/conformance/random.ts';
import { B3Digest } from '../../src/digest/b3-digest.ts';
import { MemoryDirectoryService } from '../../src/directory-service/memory.ts';
import { Directory } from '../../src/node/directory.ts';
import type { TreeEvent } from '../../src/tree/event.ts';
import { ingestTree } from '../../src/tree/ingest.ts';
import type { TreeProgress } from '../../src/tree/ingest.ts';
import {
  batches,
  COMPLICATED,
  directory,
  file,
  source,
  symlink,
  text,
} from './trees.ts';

import { createServices } from './faulty-services.ts';

/** A file that is streamed, in pieces. */
const LARGE = file(BLOB_B.contents);

describe('ingestTree', () => {
  it('stores a tree with known digests', async () => {
    const services = createServices();
    expect(await ingestTree(source(COMPLICATED), services)).toEqual({
      type: 'directory',
      digest: DIRECTORY_COMPLICATED.digest,
      size: 4n,
    });
    const { blobs, directories } = services;
    expect(await blobs.has(EMPTY_BLOB.digest)).toBe(true);
    for (const { digest, directory } of [
      DIRECTORY_COMPLICATED,
      DIRECTORY_WITH_KEEP,
    ])
      expect(await directories.get(digest)).toEqual(directory);
  });

  it('answers with a link without asking any service', async () => {
    const services = createServices();
    expect(
      await ingestTree(source(symlink('/nix/store/somewhereelse')), services),
    ).toEqual({ type: 'symlink', target: text('/nix/store/somewhereelse') });
    expect(services.directories.openPutters).toBe(0);
  });

  it('stores a single file and opens no putter for it', async () => {
    const services = createServices({}, () => {
      throw new Error('no directory is to be put');
    });
    expect(
      await ingestTree(source(file('Hello World!', true), 5), services),
    ).toEqual({
      type: 'file',
      digest: HELLO_WORLD.digest,
      size: 12n,
      executable: true,
    });
    expect(await services.blobs.has(HELLO_WORLD.digest)).toBe(true);
  });

  it.each([1000, 65536, Infinity])(
    'streams a large file that comes in pieces of %d bytes',
    async (pieceBytes) => {
      const { blobs, directories } = createServices({
        fault: failAt('putMany', new Error('it must be streamed')),
      });
      const services = { blobs, directories };
      expect(await ingestTree(source(LARGE, pieceBytes), services)).toEqual({
        type: 'file',
        digest: BLOB_B.digest,
        size: 1044480n,
        executable: false,
      });
      expect(blobs.openWriters).toBe(0);
    },
  );

  it('stores an empty directory', async () => {
    expect(
      await ingestTree(source(directory()), createServices()),
    ).toMatchObject({ type: 'directory', digest: Directory.EMPTY.digest });
  });

  it('puts children before their parents, the root last', async () => {
    const put: string[] = [];
    const inner = new MemoryDirectoryService();
    const directories = {
      putMultipleStart: () => {
        const putter = inner.putMultipleStart();
        return {
          isClosed: false,
          put: async (directory: Directory) => {
            for (const child of directory.directories())
              expect(put).toContain(child.digest.toHex());
            put.push(directory.digest.toHex());
            await putter.put(directory);
          },
          close: () => putter.close(),
          abort: () => putter.abort(),
        };
      },
    };
    const tree = directory({
      a: directory({ b: directory({ c: file('1') }), d: LARGE }),
      e: directory({ f: file('2'), g: directory() }),
      h: file('3'),
    });
    const { blobs } = createServices();
    const root = await ingestTree(source(tree, 1000), { blobs, directories });
    expect(root).toMatchObject({ type: 'directory', size: 8n });
    expect(put).toHaveLength(5);
    expect(put.at(-1)).toBe((root as { digest: B3Digest }).digest.toHex());
  });

  it('stores small files in batches of up to 1,000 and up to 1 MiB', async () => {
    const sent: { count: number; bytes: number }[] = [];
    const inner = new MemoryBlobService();
    const blobs: Pick<BlobService, 'putMany' | 'openWrite'> = {
      openWrite: () => inner.openWrite(),
      putMany: (contents) => {
        const bytes = contents.reduce((sum, { length }) => sum + length, 0);
        sent.push({ count: contents.length, bytes });
        return inner.putMany(contents);
      },
    };
    const many = Object.fromEntries(
      Array.from({ length: 2500 }, (_, i) => [`s${i}`, file(`${i}`)]),
    );
    const big = Object.fromEntries(
      Array.from({ length: 50 }, (_, i) => [
        `b${i}`,
        file(seededBytes(128 * 1024, i)),
      ]),
    );
    const { directories } = createServices();
    const root = await ingestTree(source(directory({ ...big, ...many })), {
      blobs,
      directories,
    });
    expect(root).toMatchObject({ size: 2550n });
    expect(sent.length).toBeLessThanOrEqual(10);
    for (const { count, bytes } of sent) {
      expect(count).toBeLessThanOrEqual(1000);
      expect(bytes).toBeLessThanOrEqual(1024 * 1024);
    }
  });

  it('keeps no more than nine batches while storing is slow', async () => {
    const stall = stallAt('putMany');
    const services = createServices({ fault: stall.fault });
    let told = 0;
    const events = (function* (): Generator<TreeEvent[]> {
      yield [{ type: 'directory' }];
      for (let i = 10_000; i < 30_000; i++) {
        told++;
        yield [
          { type: 'entry', name: text(`${i}`) },
          { type: 'regular', executable: false, size: 1n },
          { type: 'data', bytes: text('x') },
        ];
      }
      yield [{ type: 'end' }];
    })();
    const ingested = ingestTree(events, services);
    await stall.isStalled;
    // All that can happen without the put happens in microtasks and is over before the next turn of the loop.
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toBeLessThanOrEqual(9002);
    stall.release();
    expect(await ingested).toMatchObject({ size: 20_000n });
  });

  it('is done with bytes when it asks for the next ones', async () => {
    const contents = [
      seededBytes(300, 1),
      seededBytes(700_000, 2),
      seededBytes(60_000, 3),
    ];
    const buffer = new Uint8Array(1000);
    const events = (function* (): Generator<TreeEvent[]> {
      yield [{ type: 'directory' }];
      for (const [i, bytes] of contents.entries()) {
        const size = BigInt(bytes.length);
        yield [
          { type: 'entry', name: text(`${i}`) },
          { type: 'regular', executable: false, size },
        ];
        for (let at = 0; at < bytes.length; at += buffer.length) {
          const piece = bytes.subarray(at, at + buffer.length);
          buffer.set(piece);
          yield [{ type: 'data', bytes: buffer.subarray(0, piece.length) }];
          buffer.fill(0);
        }
      }
      yield [{ type: 'end' }];
    })();
    const root = await ingestTree(events, createServices());
    const [a, b, c] = contents.map((bytes) => file(bytes));
    const expected = directory({ 0: a!, 1: b!, 2: c! });
    expect(root).toEqual(await ingestTree(source(expected), createServices()));
  });

  it('copies names and targets, which may be views of larger buffers', async () => {
    const name = Buffer.from('name');
    const target = Buffer.from('target');
    const events: TreeEvent[][] = [
      [{ type: 'directory' }, { type: 'entry', name }],
      [{ type: 'symlink', target }],
      [{ type: 'end' }],
    ];
    const services = createServices();
    const root = await ingestTree(
      (function* () {
        yield* events.slice(0, 2);
        name.fill(0x78);
        target.fill(0x78);
        yield* events.slice(2);
      })(),
      services,
    );
    const expected = await ingestTree(
      source(directory({ name: symlink('target') })),
      services,
    );
    expect(root).toEqual(expected);
  });

  it('tells its progress', async () => {
    const seen: TreeProgress[] = [];
    await ingestTree(source(COMPLICATED), createServices(), {
      onProgress: (progress) => seen.push(progress),
    });
    expect(seen.at(-1)).toEqual({
      directories: 2,
      files: 2,
      symlinks: 1,
      bytes: 0,
    });
    expect(seen[0]).not.toEqual(seen.at(-1));
  });

  it('takes a directory of 20,000 entries and one 3,000 levels deep', async () => {
    const wide = directory(
      Object.fromEntries(
        Array.from({ length: 20_000 }, (_, i) => [`${i}`, file(`${i % 7}`)]),
      ),
    );
    const services = createServices();
    expect(await ingestTree(source(wide), services)).toMatchObject({
      size: 20_000n,
    });
    const levels = 3000;
    const deep: TreeEvent[] = [{ type: 'directory' }];
    for (let i = 0; i < levels; i++)
      deep.push({ type: 'entry', name: text('d') }, { type: 'directory' });
    for (let i = 0; i <= levels; i++) deep.push({ type: 'end' });
    expect(await ingestTree(batches(deep, 100), services)).toMatchObject({
      size: BigInt(levels),
    });
  });
});
