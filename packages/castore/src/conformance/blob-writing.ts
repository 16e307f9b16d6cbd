import assert from 'node:assert/strict';
import { hashBytes } from '../digest/hasher.ts';
import type { BlobSuite } from './blob-suite.ts';
import {
  equalBytes,
  equalDigests,
  readBlob,
  rejectsWith,
  writeBlob,
} from './expect.ts';
import { BLOB_B, BLOBS, EMPTY_BLOB, HELLO_WORLD } from './fixtures.ts';
import { SeededRandom, seededBytes } from './random.ts';

/** Lengths around the limits of hashes, buffers and chunks. */
const INTERESTING_SIZES = [
  0,
  1,
  1023,
  1024,
  1025,
  2047,
  2048,
  2049,
  65535,
  65536,
  65537,
  1024 * 1024,
  1024 * 1024 + 1,
];

function* slices(bytes: Uint8Array, length: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length)
    yield bytes.subarray(at, at + length);
}

/** What holds for writers of blobs. */
export function blobWriting(suite: BlobSuite): void {
  for (const { name, contents, digest } of BLOBS) {
    suite.it(
      `writes the blob "${name}" under its known digest`,
      async (blobs) => {
        equalDigests([await writeBlob(blobs, [contents])], [digest]);
        equalBytes(await readBlob(blobs, digest), contents);
        assert.equal(await blobs.has(digest), true);
      },
    );
  }

  for (const size of INTERESTING_SIZES) {
    suite.it(`writes and reads ${size} bytes`, async (blobs) => {
      const contents = seededBytes(size, size);
      const digest = await writeBlob(blobs, [contents]);
      equalDigests([digest], [hashBytes(contents)]);
      equalBytes(await readBlob(blobs, digest), contents);
      const stat = await blobs.stat(digest);
      assert.ok(stat?.size === undefined || stat.size === size);
    });
  }

  suite.it('takes a blob byte by byte', async (blobs) => {
    const contents = seededBytes(3000, 1);
    const digest = await writeBlob(blobs, slices(contents, 1));
    equalBytes(await readBlob(blobs, digest), contents);
    equalDigests([digest], [hashBytes(contents)]);
  });

  suite.it('takes a blob in pieces of powers of two', async (blobs) => {
    const contents = seededBytes(300_000, 2);
    for (let length = 256; length <= 262_144; length *= 4) {
      const digest = await writeBlob(blobs, slices(contents, length));
      equalDigests([digest], [hashBytes(contents)]);
    }
    equalBytes(await readBlob(blobs, hashBytes(contents)), contents);
  });

  suite.it('takes blobs cut anywhere', async (blobs) => {
    for (let seed = 1; seed <= 10; seed++) {
      const random = new SeededRandom(seed);
      const contents = random.bytes(random.below(200_000));
      const pieces = random.cut(contents, 1 + random.below(50_000));
      const digest = await writeBlob(blobs, pieces);
      equalDigests([digest], [hashBytes(contents)]);
      equalBytes(await readBlob(blobs, digest), contents);
    }
  });

  suite.it(
    'takes an empty chunk for nothing, and never for the end',
    async (blobs) => {
      const nothing = new Uint8Array(0);
      const pieces = [
        nothing,
        Uint8Array.of(0),
        nothing,
        Uint8Array.of(1),
        nothing,
      ];
      const digest = await writeBlob(blobs, pieces);
      equalBytes(await readBlob(blobs, digest), Uint8Array.of(0, 1));
      equalDigests([await writeBlob(blobs, [nothing])], [EMPTY_BLOB.digest]);
    },
  );

  suite.it('has the empty blob only once it was written', async (blobs) => {
    assert.equal(await blobs.has(EMPTY_BLOB.digest), false);
    equalDigests([await blobs.openWrite().close()], [EMPTY_BLOB.digest]);
    assert.equal(await blobs.has(EMPTY_BLOB.digest), true);
  });

  suite.it(
    'answers the same digest when a writer is closed again',
    async (blobs) => {
      const writer = blobs.openWrite();
      await writer.write(HELLO_WORLD.contents);
      equalDigests(
        [await writer.close(), await writer.close()],
        [HELLO_WORLD.digest, HELLO_WORLD.digest],
      );
      await writer.abort();
      equalBytes(
        await readBlob(blobs, HELLO_WORLD.digest),
        HELLO_WORLD.contents,
      );
    },
  );

  suite.it('refuses writes after the end', async (blobs) => {
    const writer = blobs.openWrite();
    await writer.close();
    await rejectsWith(writer.write(Uint8Array.of(1)), 'castore/closed');
  });

  suite.it('shows nothing before close', async (blobs) => {
    const writer = blobs.openWrite();
    await writer.write(BLOB_B.contents);
    assert.equal(await blobs.has(BLOB_B.digest), false);
    assert.equal(await blobs.openRead(BLOB_B.digest), undefined);
    await writer.close();
    assert.equal(await blobs.has(BLOB_B.digest), true);
  });

  suite.it('leaves nothing of a blob that is aborted', async (blobs) => {
    const writer = blobs.openWrite();
    await writer.write(BLOB_B.contents);
    await writer.abort(new Error('enough'));
    await writer.abort();
    await rejectsWith(writer.write(Uint8Array.of(1)), 'castore/closed');
    await rejectsWith(writer.close(), 'castore/closed');
    assert.equal(await blobs.has(BLOB_B.digest), false);
    const unused = blobs.openWrite();
    await unused.abort();
    assert.equal(await blobs.has(EMPTY_BLOB.digest), false);
  });

  suite.it('takes one blob through two writers at once', async (blobs) => {
    const [a, b] = [blobs.openWrite(), blobs.openWrite()];
    for (const piece of slices(BLOB_B.contents, 300_000)) {
      await a.write(piece);
      await b.write(piece);
    }
    equalDigests(await Promise.all([a.close(), b.close()]), [
      BLOB_B.digest,
      BLOB_B.digest,
    ]);
    equalBytes(await readBlob(blobs, BLOB_B.digest), BLOB_B.contents);
  });

  suite.it('keeps a blob of which another writer is aborted', async (blobs) => {
    const [a, b] = [blobs.openWrite(), blobs.openWrite()];
    await a.write(BLOB_B.contents);
    await b.write(BLOB_B.contents);
    await a.close();
    await b.abort();
    equalBytes(await readBlob(blobs, BLOB_B.digest), BLOB_B.contents);
  });

  suite.it('takes many blobs at once', async (blobs) => {
    const contents = Array.from({ length: 40 }, (_, i) =>
      seededBytes(i * 5000, i + 1),
    );
    const digests = await Promise.all(
      contents.map((bytes) => writeBlob(blobs, slices(bytes, 7000))),
    );
    equalDigests(digests, contents.map(hashBytes));
    for (const [i, digest] of digests.entries())
      equalBytes(await readBlob(blobs, digest), contents[i]!);
  });

  suite.it(
    'does not keep the bytes of a caller who goes on using them',
    async (blobs) => {
      const contents = seededBytes(200_000, 3);
      // A Buffer's slice() is a view where an array's is a copy, which is easily forgotten.
      for (const buffer of [Buffer.alloc(1000), new Uint8Array(1000)]) {
        const writer = blobs.openWrite();
        for (const piece of slices(contents, buffer.length)) {
          buffer.set(piece);
          await writer.write(buffer);
          buffer.fill(0xff);
        }
        equalDigests([await writer.close()], [hashBytes(contents)]);
      }
      equalBytes(await readBlob(blobs, hashBytes(contents)), contents);
    },
  );
}
