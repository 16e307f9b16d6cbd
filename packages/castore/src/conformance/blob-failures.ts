import assert from 'node:assert/strict';
import type { BlobService, CallOptions } from '../blob-service/blob-service.ts';
import type { BlobSuite } from './blob-suite.ts';
import {
  collect,
  equalBytes,
  equalDigests,
  readBlob,
  rejectsBeing,
  rejectsWith,
  writeBlob,
} from './expect.ts';
import { BLOB_A, BLOB_B, EMPTY_BLOB, HELLO_WORLD } from './fixtures.ts';
import { hashBytes } from '../digest/hasher.ts';
import { seededBytes } from './random.ts';

/** All calls on a blob that was stored before. */
function calls(
  blobs: BlobService,
  options?: CallOptions,
): Record<string, () => Promise<unknown>> {
  const { digest, contents } = BLOB_A;
  return {
    has: () => blobs.has(digest, options),
    stat: () => blobs.stat(digest, options),
    openRead: async () => {
      const reader = await blobs.openRead(digest, options);
      try {
        return reader && (await collect(reader.read(undefined, options)));
      } finally {
        await reader?.close();
      }
    },
    openWrite: async () => {
      const writer = blobs.openWrite(options);
      await writer.write(contents);
      return writer.close();
    },
    putMany: () => blobs.putMany([contents], options),
    getMany: () => blobs.getMany([digest], options),
    findMissing: () => blobs.findMissing([digest], options),
  };
}

/** What holds when a call is aborted, the store is opened anew, or what is below it fails. */
export function blobFailures(suite: BlobSuite): void {
  const reason = new Error('enough');

  suite.it(
    'rejects every call with the reason of a signal that was aborted before',
    async (blobs) => {
      await blobs.putMany([BLOB_A.contents]);
      const options = { signal: AbortSignal.abort(reason) };
      for (const call of Object.values(calls(blobs, options)))
        await rejectsBeing(call(), reason);
    },
  );

  suite.it(
    'takes no notice of a signal that is aborted afterwards',
    async (blobs) => {
      await blobs.putMany([BLOB_A.contents]);
      const controller = new AbortController();
      for (const call of Object.values(calls(blobs, controller))) await call();
      controller.abort(reason);
      for (const call of Object.values(calls(blobs))) await call();
    },
  );

  suite.it('ends a read with the reason of its signal', async (blobs) => {
    const contents = seededBytes(6_000_000, 1);
    const digest = await writeBlob(blobs, [contents]);
    const reader = (await blobs.openRead(digest))!;
    const controller = new AbortController();
    let length = 0;
    const reading = (async () => {
      for await (const chunk of reader.read(undefined, controller)) {
        length += chunk.length;
        controller.abort(reason);
      }
    })();
    await rejectsBeing(reading, reason);
    assert.ok(length < contents.length);
    equalBytes(await collect(reader.read()), contents);
    await reader.close();
  });

  suite.it(
    'ends a write with the reason of its signal, and stores nothing',
    async (blobs) => {
      const controller = new AbortController();
      const writer = blobs.openWrite(controller);
      await writer.write(BLOB_B.contents);
      controller.abort(reason);
      await rejectsBeing(writer.write(BLOB_B.contents), reason);
      await rejectsBeing(writer.close(), reason);
      await writer.abort();
      assert.equal(await blobs.has(BLOB_B.digest), false);
    },
  );

  suite.itIf(
    'reopen',
    'still has everything after it was opened anew',
    async (blobs, reopen) => {
      const large = seededBytes(3_000_000, 2);
      await writeBlob(blobs, [large]);
      await blobs.putMany([BLOB_A.contents, EMPTY_BLOB.contents]);
      const unfinished = blobs.openWrite();
      await unfinished.write(BLOB_B.contents);
      const opened = await reopen(BLOB_A.digest);
      equalBytes(await readBlob(opened, hashBytes(large)), large);
      equalBytes(await readBlob(opened, BLOB_A.digest), BLOB_A.contents);
      equalBytes(
        await readBlob(opened, EMPTY_BLOB.digest),
        EMPTY_BLOB.contents,
      );
      equalDigests(await opened.findMissing([BLOB_B.digest]), [BLOB_B.digest]);
    },
  );

  suite.itIf(
    'corrupt',
    'never serves bytes that were changed behind its back, and heals by another put',
    async (blobs, corrupt) => {
      const contents = [1, 2, 3].map((seed) => seededBytes(5000, seed));
      const stored = [...contents, HELLO_WORLD.contents];
      const digests = await blobs.putMany(stored);
      let changed = blobs;
      for (const digest of digests.slice(0, 3)) changed = await corrupt(digest);
      // Each at its first use: a store may well forget what it found damaged.
      const [a, b, c] = [digests[0]!, digests[1]!, digests[2]!];
      await rejectsWith(readBlob(changed, a), 'castore/corrupt-blob');
      const range = { offset: 10, length: 5 };
      await rejectsWith(readBlob(changed, b, range), 'castore/corrupt-blob');
      await rejectsWith(changed.getMany([c]), 'castore/corrupt-blob');
      equalBytes(
        await readBlob(changed, HELLO_WORLD.digest),
        HELLO_WORLD.contents,
      );
      equalDigests(await changed.putMany(stored), digests);
      for (const [i, digest] of digests.entries())
        equalBytes(await readBlob(changed, digest), stored[i]!);
    },
  );

  suite.itIf(
    'cut',
    'never takes a failure below it for absence',
    async (blobs, cut) => {
      await blobs.putMany([BLOB_A.contents]);
      const broken = await cut(BLOB_A.digest);
      for (const [name, call] of Object.entries(calls(broken))) {
        await assert.rejects(
          call(),
          (error: { kind?: string }) => {
            assert.ok(
              ['storage', 'unavailable', 'refused'].includes(error.kind!),
              String(error),
            );
            return true;
          },
          name,
        );
      }
    },
  );
}
