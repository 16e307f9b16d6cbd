import assert from 'node:assert/strict';
import type { B3Digest } from '../digest/b3-digest.ts';
import { hashBytes } from '../digest/hasher.ts';
import type { BlobSuite } from './blob-suite.ts';
import { equalBytes, equalDigests, readBlob, rejectsWith } from './expect.ts';
import { BLOB_A, BLOB_B, EMPTY_BLOB, HELLO_WORLD } from './fixtures.ts';
import { seededBytes } from './random.ts';

/** What holds for many blobs at a time. */
export function blobBatches(suite: BlobSuite): void {
  suite.it('puts and gets many blobs, in their order', async (blobs) => {
    const contents = [
      HELLO_WORLD.contents,
      EMPTY_BLOB.contents,
      BLOB_B.contents,
      BLOB_A.contents,
      HELLO_WORLD.contents,
      seededBytes(128 * 1024, 1),
    ];
    const digests = await blobs.putMany(contents);
    equalDigests(digests, contents.map(hashBytes));
    const found = await blobs.getMany([...digests].reverse());
    for (const [i, expected] of [...contents].reverse().entries())
      equalBytes(found[i], expected);
    for (const [i, digest] of digests.entries())
      equalBytes(await readBlob(blobs, digest), contents[i]!);
  });

  suite.it('takes nothing and gives nothing', async (blobs) => {
    assert.deepEqual(await blobs.putMany([]), []);
    assert.deepEqual(await blobs.getMany([]), []);
    assert.deepEqual(await blobs.findMissing([]), []);
    assert.equal(await blobs.has(EMPTY_BLOB.digest), false);
  });

  suite.it('puts and gets 3,000 small blobs at once', async (blobs) => {
    const contents = Array.from({ length: 3000 }, (_, i) =>
      Buffer.from(`blob ${i}`),
    );
    const digests = await blobs.putMany(contents);
    equalDigests(digests, contents.map(hashBytes));
    const found = await blobs.getMany(digests);
    assert.equal(found.length, 3000);
    for (const [i, bytes] of found.entries()) equalBytes(bytes, contents[i]!);
    assert.deepEqual(await blobs.findMissing(digests), []);
  });

  suite.it('puts and gets more than fits into one message', async (blobs) => {
    const contents = Array.from({ length: 50 }, (_, i) =>
      seededBytes(120_000 + i, i + 1),
    );
    const digests = await blobs.putMany(contents);
    equalDigests(digests, contents.map(hashBytes));
    const found = await blobs.getMany(digests);
    for (const [i, bytes] of found.entries()) equalBytes(bytes, contents[i]!);
  });

  suite.it(
    'answers undefined in the place of what is missing',
    async (blobs) => {
      await blobs.putMany([BLOB_A.contents]);
      const [a, b, c, d] = await blobs.getMany([
        BLOB_B.digest,
        BLOB_A.digest,
        EMPTY_BLOB.digest,
        BLOB_A.digest,
      ]);
      assert.equal(a, undefined);
      equalBytes(b, BLOB_A.contents);
      assert.equal(c, undefined);
      equalBytes(d, BLOB_A.contents);
    },
  );

  suite.it(
    'refuses a batch that has more bytes than its caller allows, wherever they are',
    async (blobs) => {
      const contents = [
        seededBytes(1000, 1),
        seededBytes(100_000, 2),
        seededBytes(1_500_000, 3),
      ];
      const digests = await blobs.putMany(contents);
      const all = 1_601_000;
      for (const [i, bytes] of (
        await blobs.getMany(digests, { maxBytes: all })
      ).entries())
        equalBytes(bytes, contents[i]!);
      for (const maxBytes of [0, 999, 101_000, all - 1])
        await rejectsWith(
          blobs.getMany(digests, { maxBytes }),
          'castore/limit-exceeded',
        );
      // What isn't stored has no bytes.
      assert.deepEqual(
        await blobs.getMany([EMPTY_BLOB.digest, BLOB_A.digest], {
          maxBytes: 0,
        }),
        [undefined, undefined],
      );
    },
  );

  suite.it('finds what is missing, each once and in order', async (blobs) => {
    await blobs.putMany([BLOB_A.contents]);
    const asked: B3Digest[] = [
      HELLO_WORLD.digest,
      BLOB_A.digest,
      EMPTY_BLOB.digest,
      HELLO_WORLD.digest,
      BLOB_B.digest,
    ];
    equalDigests(await blobs.findMissing(asked), [
      HELLO_WORLD.digest,
      EMPTY_BLOB.digest,
      BLOB_B.digest,
    ]);
  });

  suite.it('does not keep the bytes of a batch', async (blobs) => {
    const contents = seededBytes(1000, 2);
    for (const copy of [Buffer.from(contents), Uint8Array.from(contents)]) {
      equalDigests(await blobs.putMany([copy]), [hashBytes(contents)]);
      copy.fill(0xff);
    }
    equalBytes(await readBlob(blobs, hashBytes(contents)), contents);
  });

  suite.it('takes the same batch twice at once', async (blobs) => {
    const contents = Array.from({ length: 200 }, (_, i) =>
      seededBytes(i, i + 1),
    );
    const [a, b] = await Promise.all([
      blobs.putMany(contents),
      blobs.putMany(contents),
    ]);
    equalDigests(a, b);
    equalDigests(a, contents.map(hashBytes));
  });
}
