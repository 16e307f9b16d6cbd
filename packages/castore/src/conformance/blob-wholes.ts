import assert from 'node:assert/strict';
import type { BlobService } from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import type { BlobSuite } from './blob-suite.ts';
import { equalBytes, writeBlob } from './expect.ts';
import { BLOB_A, EMPTY_BLOB } from './fixtures.ts';
import { seededBytes } from './random.ts';

/** The blob, if the service reads it at once. */
function wholeOf(
  blobs: BlobService,
  digest: B3Digest,
  length: number,
): Uint8Array | undefined {
  // Between bytes of others, which nobody may touch.
  const around = new Uint8Array(length + 16).fill(0xaa);
  const into = around.subarray(8, 8 + length);
  const isRead = blobs.readWhole?.(digest, into) === true;
  for (const edge of [around.subarray(0, 8), around.subarray(8 + length)])
    equalBytes(edge, new Uint8Array(8).fill(0xaa));
  return isRead ? into : undefined;
}

/** What holds for blobs that are read at once; a service that leaves `readWhole` out reads none. */
export function blobWholes(suite: BlobSuite): void {
  suite.it(
    'reads blobs at once as they are, or not at all, as often as asked',
    async (blobs) => {
      for (const contents of [
        EMPTY_BLOB.contents,
        seededBytes(1, 1),
        seededBytes(100_000, 2),
        new Uint8Array(100_000).fill(7),
        seededBytes(1_500_000, 3),
      ]) {
        const digest = await writeBlob(blobs, [contents]);
        for (let i = 0; i < 2; i++) {
          const whole = wholeOf(blobs, digest, contents.length);
          if (whole !== undefined) equalBytes(whole, contents);
        }
      }
    },
  );

  suite.it(
    'reads no blob at once that is missing or of another length',
    async (blobs) => {
      assert.equal(wholeOf(blobs, EMPTY_BLOB.digest, 0), undefined);
      assert.equal(wholeOf(blobs, BLOB_A.digest, 2), undefined);
      const digest = await writeBlob(blobs, [seededBytes(1000, 4)]);
      for (const length of [0, 999, 1001])
        assert.equal(wholeOf(blobs, digest, length), undefined);
    },
  );

  suite.itIf(
    'corrupt',
    'reads no blob at once that was changed since it was read',
    async (blobs, corrupt) => {
      const contents = seededBytes(100_000, 5);
      const digest = await writeBlob(blobs, [contents]);
      wholeOf(blobs, digest, contents.length);
      const damaged = await corrupt(digest);
      let whole: Uint8Array | undefined;
      try {
        whole = wholeOf(damaged, digest, contents.length);
      } catch {
        return;
      }
      assert.equal(whole, undefined);
    },
  );
}
