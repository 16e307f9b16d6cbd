import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LocalBlobService } from '../../../src/blob-service/local.ts';
import type { ChunkMeta } from '../../../src/blob-service/blob-service.ts';
import { nodeFileSystem } from '../../../src/local-store/file-system.ts';
import { randomBytes } from '../../blob-service/random-bytes.ts';
import { TemporaryStore } from '../temporary-store.ts';

const LENGTH = 4_000_000;
const chunking = {
  algorithm: 'fastcdc-2020',
  minBytes: 8192,
  averageBytes: 16384,
  maxBytes: 32768,
} as const;

let temporary: TemporaryStore;
let blobs: LocalBlobService;
let chunks: readonly ChunkMeta[];
/** Bytes that were brought into the page cache. */
let warmed: number;
let warming: Promise<void>[];

beforeEach(async () => {
  warmed = 0;
  warming = [];
  temporary = await TemporaryStore.create({
    chunking,
    fileSystem: {
      ...nodeFileSystem,
      warm(fd, position, length) {
        warmed += length;
        const end = nodeFileSystem.warm(fd, position, length);
        warming.push(end);
        return end;
      },
    },
  });
  blobs = new LocalBlobService(temporary.store);
  const [digest] = await blobs.putMany([randomBytes(LENGTH, 3)]);
  ({ chunks } = (await blobs.stat(digest!, { sendChunks: true }))!);
});

afterEach(() => temporary.destroy());

/** Reads a few bytes of a chunk, and lets what that started come to its end. */
async function touch({ digest, size }: ChunkMeta): Promise<void> {
  const into = new Uint8Array(10);
  expect(blobs.readPart(digest, { size, offset: 5 }, into)).toBe(true);
  await Promise.allSettled(warming);
}

describe('a pack whose records are read here and there', () => {
  it('is hardly read beside them for a few, and all of it once for a part of them', async () => {
    // Every other one, from behind.
    const order = chunks.filter((_, i) => i % 2 === 0).reverse();
    const few = order.splice(0, 4);
    for (const chunk of few) await touch(chunk);
    const asked = few.reduce((sum, { size }) => sum + size, 0);
    expect(warmed).toBeLessThan(3 * asked);
    for (const chunk of order) await touch(chunk);
    const { size } = fs.statSync(temporary.packFiles()[0]!);
    expect(warmed).toBe(size);
  });

  it('is left to the kernel where they are read in order', async () => {
    for (const chunk of chunks) await touch(chunk);
    // The first of all might have been one of any.
    expect(warmed).toBeLessThanOrEqual(chunks[0]!.size);
  });
});
