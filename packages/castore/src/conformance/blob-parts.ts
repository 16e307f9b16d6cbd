import assert from 'node:assert/strict';
import type { BlobService } from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import type { BlobSuite } from './blob-suite.ts';
import { equalBytes, writeBlob } from './expect.ts';
import { BLOB_A, EMPTY_BLOB } from './fixtures.ts';
import { SeededRandom, seededBytes } from './random.ts';

/** The part, if the service reads it at once. */
function partOf(
  blobs: BlobService,
  digest: B3Digest,
  size: number,
  offset: number,
  length: number,
): Uint8Array | undefined {
  const into = new Uint8Array(length);
  return blobs.readPart?.(digest, { size, offset }, into) === true
    ? into
    : undefined;
}

/** What holds for parts that are read at once; a service that leaves `readPart` out reads none. */
export function blobParts(suite: BlobSuite): void {
  suite.it('reads parts at once as they are, or not at all', async (blobs) => {
    const random = new SeededRandom(11);
    for (const contents of [
      seededBytes(1, 1),
      seededBytes(100_000, 2),
      new Uint8Array(100_000).fill(7),
      seededBytes(1_500_000, 3),
    ]) {
      const size = contents.length;
      const digest = await writeBlob(blobs, [contents]);
      for (let i = 0; i < 20; i++) {
        const offset = random.below(size);
        const length = 1 + random.below(Math.min(20_000, size - offset));
        const part = partOf(blobs, digest, size, offset, length);
        if (part !== undefined)
          equalBytes(part, contents.subarray(offset, offset + length));
      }
    }
  });

  suite.it(
    'reads no part at once of what is missing, of another size, or beyond the end',
    async (blobs) => {
      assert.equal(partOf(blobs, EMPTY_BLOB.digest, 0, 0, 0), undefined);
      assert.equal(partOf(blobs, BLOB_A.digest, 2, 0, 1), undefined);
      const contents = seededBytes(1000, 4);
      const digest = await writeBlob(blobs, [contents]);
      for (const [size, offset, length] of [
        [999, 0, 1],
        [1001, 0, 1],
        [1000, 0, 1001],
        [1000, 999, 2],
        [1000, 1001, 0],
      ] as const)
        assert.equal(partOf(blobs, digest, size, offset, length), undefined);
    },
  );

  suite.itIf(
    'corrupt',
    'reads no part at once of what does not match its digest',
    async (blobs, corrupt) => {
      const contents = seededBytes(100_000, 5);
      const digest = await writeBlob(blobs, [contents]);
      const damaged = await corrupt(digest);
      let part: Uint8Array | undefined;
      try {
        part = partOf(damaged, digest, 100_000, 90_000, 10);
      } catch {
        return;
      }
      assert.equal(part, undefined);
    },
  );
}
