import { CastoreError } from '@tvix/castore';
import type { B3Digest, BlobService, CallOptions } from '@tvix/castore';
import { StoreError } from '../errors.ts';

/** A blob and how long it is said to be. */
export interface SizedBlob {
  readonly digest: B3Digest;
  readonly size: bigint;
}

/** Blobs up to this length are fetched and stored many at a time, longer ones are streamed. */
const SMALL_BLOB_BYTES = 128n * 1024n;
const MAX_GROUP_BYTES = 4n * 1024n * 1024n;

/**
 * Copies those of the blobs that the target lacks. One group of small ones is stored while the next one is fetched.
 *
 * @throws CastoreError `castore/blob-not-found` where the source lacks one, `castore/wrong-size` and
 *   `castore/limit-exceeded` where one is longer than it is said to be; StoreError `store/protocol` where the
 *   target answers with another digest
 */
export async function copyBlobs(
  blobs: readonly SizedBlob[],
  from: Pick<BlobService, 'getMany' | 'openRead'>,
  to: Pick<BlobService, 'findMissing' | 'openWrite' | 'putMany'>,
  options?: CallOptions,
): Promise<void> {
  const sizes = new Map(blobs.map(({ digest, size }) => [digest.key, size]));
  const digests = blobs.map(({ digest }) => digest);
  const missing = await to.findMissing(digests, options);
  const sized = missing.map((digest) => ({
    digest,
    size: sizes.get(digest.key)!,
  }));
  let storing: Promise<void> = Promise.resolve();
  try {
    for (const group of groupSmall(sized)) {
      const contents = await fetchGroup(group, from, options);
      await storing;
      storing = storeGroup(group.digests, contents, to, options);
      storing.catch(() => {});
    }
    for (const { digest, size } of sized)
      if (size > SMALL_BLOB_BYTES)
        await copyBlob({ digest, size }, from, to, options);
    await storing;
  } catch (error) {
    // Nothing goes on in the back of a failure, and the first failure is the one to tell.
    await storing.catch(() => {});
    throw error;
  }
}

interface BlobGroup {
  readonly digests: readonly B3Digest[];
  /** What they are said to have together. */
  readonly bytes: number;
}

function* groupSmall(blobs: readonly SizedBlob[]): Generator<BlobGroup> {
  let group: B3Digest[] = [];
  let bytes = 0n;
  for (const { digest, size } of blobs) {
    if (size > SMALL_BLOB_BYTES) continue;
    if (group.length > 0 && bytes + size > MAX_GROUP_BYTES) {
      yield { digests: group, bytes: Number(bytes) };
      group = [];
      bytes = 0n;
    }
    group.push(digest);
    bytes += size;
  }
  if (group.length > 0) yield { digests: group, bytes: Number(bytes) };
}

async function fetchGroup(
  { digests, bytes }: BlobGroup,
  from: Pick<BlobService, 'getMany'>,
  options: CallOptions | undefined,
): Promise<Uint8Array[]> {
  const contents = await from.getMany(digests, { ...options, maxBytes: bytes });
  return contents.map((bytes, i) => bytes ?? missing(digests[i]!));
}

async function storeGroup(
  digests: readonly B3Digest[],
  contents: readonly Uint8Array[],
  to: Pick<BlobService, 'putMany'>,
  options: CallOptions | undefined,
): Promise<void> {
  const stored = await to.putMany(contents, options);
  for (const [i, digest] of digests.entries()) assertSame(stored[i], digest);
}

async function copyBlob(
  { digest, size }: SizedBlob,
  from: Pick<BlobService, 'openRead'>,
  to: Pick<BlobService, 'openWrite'>,
  options: CallOptions | undefined,
): Promise<void> {
  const reader = (await from.openRead(digest, options)) ?? missing(digest);
  const writer = to.openWrite(options);
  try {
    let left = size;
    for await (const chunk of reader.read(undefined, options)) {
      left -= BigInt(chunk.length);
      // Otherwise a source that goes on and on fills the target before its digest tells.
      if (left < 0n) throw tooLong(digest, size);
      await writer.write(chunk);
    }
    assertSame(await writer.close(), digest);
  } catch (error) {
    await writer.abort(error);
    throw error;
  } finally {
    await reader.close();
  }
}

function missing(digest: B3Digest): never {
  throw new CastoreError(
    'castore/blob-not-found',
    `blob ${digest.toString()} is not in the source`,
    { details: { digest } },
  );
}

function tooLong(digest: B3Digest, size: bigint): CastoreError {
  return new CastoreError(
    'castore/wrong-size',
    `blob ${digest.toString()} is longer than the ${size} bytes that it is said to have`,
    { details: { digest, expected: size } },
  );
}

function assertSame(stored: B3Digest | undefined, digest: B3Digest): void {
  if (stored?.equals(digest)) return;
  throw new StoreError(
    'store/protocol',
    `blob ${digest.toString()} was stored as ${String(stored)}`,
    { details: { expected: digest, found: stored } },
  );
}
