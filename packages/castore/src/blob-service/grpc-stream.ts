import type { Client } from 'nice-grpc';
import { Status } from 'nice-grpc';
import type { B3Digest } from '../digest/b3-digest.ts';
import { createHasher } from '../digest/hasher.ts';
import { CastoreError } from '../errors.ts';
import type { FastBlobServiceDefinition } from '../grpc/service-definitions.ts';
import { isStatus, statusToFailure } from '../grpc/status.ts';

/** A client of `tvix.castore.v1.BlobService`. */
export type BlobServiceClient = Client<typeof FastBlobServiceDefinition>;

/**
 * The contents of a blob or chunk as a server sends them. The last piece leaves only after all of them were checked
 * against the digest, so that contents never end well that are wrong, and what fits into one message is never wrong.
 *
 * @throws CastoreError `castore/blob-not-found`, `castore/corrupt-blob`, and as `statusToFailure` says
 */
export async function* readRemoteBlob(
  client: Pick<BlobServiceClient, 'read'>,
  digest: B3Digest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const hasher = createHasher();
  let held: Uint8Array | undefined;
  try {
    for await (const { data } of client.read(
      { digest: digest.bytes },
      { signal },
    )) {
      // What has arrived already is handed out even after a cancellation.
      signal.throwIfAborted();
      if (data.length === 0) continue;
      if (held !== undefined) yield held;
      hasher.update(data);
      held = data;
    }
  } catch (error) {
    if (isStatus(error, Status.NOT_FOUND)) throw blobNotFound(digest, error);
    throw statusToFailure(error, signal);
  }
  const found = hasher.digest();
  if (!found.equals(digest)) throw corruptBlob(digest, found);
  if (held !== undefined) yield held;
}

/** A server sent, or claims to have stored, something else than it was asked for. */
export function corruptBlob(expected: B3Digest, found: B3Digest): CastoreError {
  return new CastoreError(
    'castore/corrupt-blob',
    `remote: blob ${expected.toString()} has the digest ${found.toString()}`,
    { details: { digest: expected, found } },
  );
}

function blobNotFound(digest: B3Digest, cause: unknown): CastoreError {
  return new CastoreError(
    'castore/blob-not-found',
    `remote: blob ${digest.toString()} is gone`,
    { cause, details: { digest } },
  );
}
