import assert from 'node:assert/strict';
import type { ByteRange } from '../blob-service/blob-service.ts';
import { hashBytes } from '../digest/hasher.ts';
import type { BlobSuite } from './blob-suite.ts';
import {
  collect,
  equalBytes,
  readBlob,
  rejectsWith,
  writeBlob,
} from './expect.ts';
import { BLOB_A, BLOB_B, EMPTY_BLOB, HELLO_WORLD } from './fixtures.ts';
import { SeededRandom, seededBytes } from './random.ts';

function cut(bytes: Uint8Array, { offset, length }: ByteRange): Uint8Array {
  return bytes.subarray(offset, offset + (length ?? Infinity));
}

/** What holds for looking up and reading blobs. */
export function blobReading(suite: BlobSuite): void {
  suite.it('answers undefined for what is not stored', async (blobs) => {
    for (const { digest } of [EMPTY_BLOB, BLOB_A]) {
      assert.equal(await blobs.has(digest), false);
      assert.equal(await blobs.stat(digest), undefined);
      assert.equal(await blobs.stat(digest, { sendChunks: true }), undefined);
      assert.equal(await blobs.openRead(digest), undefined);
    }
  });

  for (const size of [0, 1, 100, 65537, 1024 * 1024 + 1]) {
    suite.it(`reads ranges of a blob of ${size} bytes`, async (blobs) => {
      const contents = seededBytes(size, 1);
      const digest = await writeBlob(blobs, [contents]);
      const reader = (await blobs.openRead(digest))!;
      const ranges: ByteRange[] = [
        { offset: 0 },
        { offset: 0, length: 0 },
        { offset: 0, length: 1 },
        { offset: 0, length: size },
        { offset: 0, length: size + 1 },
        { offset: Math.floor(size / 2) },
        { offset: Math.floor(size / 2), length: 10 },
        { offset: Math.floor(size / 3), length: Math.floor(size / 3) },
        { offset: Math.max(0, size - 1) },
        { offset: Math.max(0, size - 1), length: 1 },
        { offset: Math.max(0, size - 1), length: Number.MAX_SAFE_INTEGER },
        { offset: size },
        { offset: size, length: 1 },
        { offset: size + 1 },
        { offset: Number.MAX_SAFE_INTEGER, length: 10 },
      ];
      for (const range of ranges)
        equalBytes(await collect(reader.read(range)), cut(contents, range));
      equalBytes(await collect(reader.read()), contents);
      await reader.close();
    });
  }

  suite.it('reads any ranges in any order', async (blobs) => {
    const random = new SeededRandom(7);
    const contents = random.bytes(700_000);
    const digest = await writeBlob(blobs, [contents]);
    const reader = (await blobs.openRead(digest))!;
    for (let i = 0; i < 60; i++) {
      const range = {
        offset: random.below(contents.length),
        length: random.below(i % 2 === 0 ? 100 : 100_000),
      };
      equalBytes(await collect(reader.read(range)), cut(contents, range));
    }
    await reader.close();
  });

  suite.it(
    'reads ten bytes at some places as a seeking reader would',
    async (blobs) => {
      await writeBlob(blobs, [BLOB_B.contents]);
      const ranges = [0, 10, 25, 12_380].map((offset) => ({
        offset,
        length: 10,
      }));
      for (const range of [
        ...ranges,
        { offset: 1_044_480 },
        { offset: 1_044_481 },
      ])
        equalBytes(
          await readBlob(blobs, BLOB_B.digest, range),
          cut(BLOB_B.contents, range),
        );
    },
  );

  suite.it(
    'serves reads side by side, from one reader and from many',
    async (blobs) => {
      const contents = seededBytes(500_000, 4);
      const digest = await writeBlob(blobs, [contents]);
      const reader = (await blobs.openRead(digest))!;
      const ranges = Array.from({ length: 12 }, (_, i) => ({
        offset: i * 40_000,
        length: 60_000,
      }));
      const read = await Promise.all([
        ...ranges.map((range) => collect(reader.read(range))),
        ...ranges.map((range) => readBlob(blobs, digest, range)),
      ]);
      for (const [i, range] of [...ranges, ...ranges].entries())
        equalBytes(read[i], cut(contents, range));
      await reader.close();
    },
  );

  suite.it('takes no harm from reads that are left early', async (blobs) => {
    const contents = seededBytes(3_000_000, 5);
    const digest = await writeBlob(blobs, [contents]);
    const reader = (await blobs.openRead(digest))!;
    for (let i = 0; i < 20; i++) {
      for await (const chunk of reader.read()) {
        equalBytes(chunk, contents.subarray(0, chunk.length));
        break;
      }
    }
    // One that is never even asked for its first chunk.
    reader.read()[Symbol.asyncIterator]();
    equalBytes(await collect(reader.read()), contents);
    await reader.close();
  });

  suite.it(
    'gives bytes away: what a caller does to them changes nothing',
    async (blobs) => {
      const contents = seededBytes(100_000, 6);
      const digest = await writeBlob(blobs, [contents]);
      const reader = (await blobs.openRead(digest))!;
      for await (const chunk of reader.read()) chunk.fill(0xff);
      equalBytes(await collect(reader.read()), contents);
      await reader.close();
      for (const blob of await blobs.getMany([digest, digest]))
        blob!.fill(0xff);
      equalBytes(await readBlob(blobs, digest), contents);
      equalBytes((await blobs.getMany([digest]))[0], contents);
    },
  );

  suite.it(
    'refuses reads after close, which may be repeated',
    async (blobs) => {
      await writeBlob(blobs, [BLOB_B.contents]);
      const reader = (await blobs.openRead(BLOB_B.digest))!;
      await reader.close();
      await reader.close();
      await rejectsWith(collect(reader.read()), 'castore/closed');
      const disposed = (await blobs.openRead(BLOB_B.digest))!;
      await disposed[Symbol.asyncDispose]();
      await rejectsWith(collect(disposed.read()), 'castore/closed');
    },
  );

  suite.it(
    'tells sizes that are true, and chunks that make up the blob',
    async (blobs) => {
      for (const contents of [
        EMPTY_BLOB.contents,
        HELLO_WORLD.contents,
        seededBytes(2_500_000, 8),
      ]) {
        const digest = await writeBlob(blobs, [contents]);
        const plain = (await blobs.stat(digest))!;
        assert.ok(plain.size === undefined || plain.size === contents.length);
        assert.deepEqual(plain.chunks, []);
        const { size, chunks } = (await blobs.stat(digest, {
          sendChunks: true,
        }))!;
        if (blobs.capabilities.chunks && contents.length > 2_000_000)
          assert.ok(chunks.length > 1, 'a large blob has chunks');
        if (chunks.length === 0) continue;
        let at = 0;
        for (const chunk of chunks) {
          const part = contents.subarray(at, at + chunk.size);
          assert.ok(chunk.digest.equals(hashBytes(part)));
          equalBytes(await readBlob(blobs, chunk.digest), part);
          at += chunk.size;
        }
        assert.equal(at, contents.length);
        assert.equal(at, size);
      }
    },
  );
}
