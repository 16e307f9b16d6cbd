import assert from 'node:assert/strict';
import type { BlobService, ByteRange } from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import type { CastoreErrorCode } from '../errors.ts';

/** That a promise rejects with a code. */
export async function rejectsWith(
  promise: Promise<unknown>,
  ...codes: readonly CastoreErrorCode[]
): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    const { code } = error as { code?: CastoreErrorCode };
    assert.ok(
      codes.includes(code!),
      `expected ${codes.join(' or ')}, found ${String(code)}: ${String(error)}`,
    );
    return true;
  });
}

/** That a promise rejects with that very value. */
export async function rejectsBeing(
  promise: Promise<unknown>,
  reason: unknown,
): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.equal(error, reason);
    return true;
  });
}

/** That bytes are equal; tells where they first differ, since a MiB printed helps nobody. */
export function equalBytes(
  actual: Uint8Array | undefined,
  expected: Uint8Array,
): void {
  assert.ok(actual !== undefined, 'bytes expected, found nothing');
  assert.equal(actual.length, expected.length, 'length');
  if (Buffer.compare(actual, expected) === 0) return;
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  assert.fail(`byte ${at} of ${expected.length} is wrong`);
}

/** That digests are equal, in order. */
export function equalDigests(
  actual: readonly B3Digest[],
  expected: readonly B3Digest[],
): void {
  assert.deepEqual(
    actual.map((digest) => digest.toString()),
    expected.map((digest) => digest.toString()),
  );
}

/** Stores a blob through a writer, in pieces. */
export async function writeBlob(
  blobs: BlobService,
  pieces: Iterable<Uint8Array>,
): Promise<B3Digest> {
  const writer = blobs.openWrite();
  for (const piece of pieces) await writer.write(piece);
  return writer.close();
}

/** Reads a blob, or a range of it, that must be stored. */
export async function readBlob(
  blobs: BlobService,
  digest: B3Digest,
  range?: ByteRange,
): Promise<Uint8Array> {
  const reader = await blobs.openRead(digest);
  assert.ok(reader !== undefined, `blob ${digest.toString()} is not there`);
  try {
    return await collect(reader.read(range));
  } finally {
    await reader.close();
  }
}

/** All bytes of a stream. */
export async function collect(
  pieces: AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(Uint8Array.from(piece));
  return Buffer.concat(all);
}
