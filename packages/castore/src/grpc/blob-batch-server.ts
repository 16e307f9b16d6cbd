import type { CallContext, ServiceImplementation } from 'nice-grpc';
import type { BlobService } from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import { DigestMap, DigestSet } from '../digest/digest-map.ts';
import { CastoreError } from '../errors.ts';
import type {
  FindMissingBlobsRequest,
  FindMissingBlobsResponse,
  GetBlobsRequest,
  GetBlobsResponse,
  GetBlobsResponse_Entry,
  PutBlobsRequest,
  PutBlobsResponse,
} from '../proto/gen/tvix/castore/batch/v1/rpc_blob_batch.ts';
import { BATCH_BLOBS, BATCH_BYTES } from './batch-codecs.ts';
import type { FastBlobBatchServiceDefinition } from './batch-codecs.ts';
import { joinDigests, splitDigests } from './joined-digests.ts';
import { failureToStatus } from './status.ts';
import type { ServerHooks } from './status.ts';

/** How many digests of a request are looked up at once. */
const LOOKUPS = 1024;

/** `tvix.castore.batch.v1.BlobBatchService` over any blob service. */
export class BlobBatchServer implements ServiceImplementation<
  typeof FastBlobBatchServiceDefinition
> {
  readonly #blobs: BlobService;
  readonly #hooks: ServerHooks;

  constructor(blobs: BlobService, hooks: ServerHooks = {}) {
    this.#blobs = blobs;
    this.#hooks = hooks;
  }

  async findMissing(
    request: FindMissingBlobsRequest,
    { signal }: CallContext,
  ): Promise<FindMissingBlobsResponse> {
    try {
      const digests = splitDigests(request.digests);
      const missing = await this.#blobs.findMissing(digests, { signal });
      return { digests: joinDigests(missing) };
    } catch (error) {
      throw this.#toStatus(error, 'FindMissing');
    }
  }

  async put(
    { blobs }: PutBlobsRequest,
    { signal }: CallContext,
  ): Promise<PutBlobsResponse> {
    try {
      if (blobs.length > BATCH_BLOBS) {
        throw new CastoreError(
          'castore/limit-exceeded',
          `at most ${BATCH_BLOBS} blobs in one message, found more`,
          { details: { limit: BATCH_BLOBS } },
        );
      }
      const digests = await this.#blobs.putMany(blobs, { signal });
      return { digests: joinDigests(digests) };
    } catch (error) {
      throw this.#toStatus(error, 'Put');
    }
  }

  async *get(
    request: GetBlobsRequest,
    { signal }: CallContext,
  ): AsyncGenerator<GetBlobsResponse, void> {
    try {
      const digests = splitDigests(request.digests);
      for (let at = 0; at < digests.length; at += LOOKUPS)
        yield* this.#getSome(digests.slice(at, at + LOOKUPS), signal);
    } catch (error) {
      throw this.#toStatus(error, 'Get');
    }
  }

  /** Looks at the sizes first: what is fetched at once must fit into memory, whatever the client asks for. */
  async *#getSome(
    digests: readonly B3Digest[],
    signal: AbortSignal,
  ): AsyncGenerator<GetBlobsResponse, void> {
    // Each once, however often it is asked for: of a large blob the whole list of chunks is looked through.
    const known = new DigestMap<number>();
    await Promise.all(
      Array.from(new DigestSet(digests), async (digest) => {
        const stat = await this.#blobs.stat(digest, { signal });
        if (stat !== undefined) known.set(digest, stat.size ?? Infinity);
      }),
    );
    const sizes = digests.map((digest) => known.get(digest));
    for (let start = 0; start < digests.length;) {
      let end = start;
      let bytes = 0;
      for (; end < digests.length; end++) {
        const size = batchedSize(sizes[end]);
        if (end > start && bytes + size > BATCH_BYTES) break;
        bytes += size;
      }
      const wanted = digests.slice(start, end);
      yield {
        entries: await this.#fetch(wanted, sizes.slice(start, end), signal),
      };
      start = end;
    }
  }

  async #fetch(
    digests: readonly B3Digest[],
    sizes: readonly (number | undefined)[],
    signal: AbortSignal,
  ): Promise<GetBlobsResponse_Entry[]> {
    const isBatched = (index: number): boolean =>
      (sizes[index] ?? Infinity) <= BATCH_BYTES;
    const contents = await this.#blobs.getMany(
      digests.filter((_, index) => isBatched(index)),
      { signal, maxBytes: BATCH_BYTES },
    );
    let next = 0;
    return sizes.map((size, index): GetBlobsResponse_Entry => {
      if (size === undefined) return { content: undefined };
      if (!isBatched(index))
        return { content: { $case: 'tooLarge', value: true } };
      const value = contents[next++];
      return { content: value && { $case: 'data', value } };
    });
  }

  #toStatus(error: unknown, name: string): Error {
    const method = `tvix.castore.batch.v1.BlobBatchService/${name}`;
    return failureToStatus(error, { ...this.#hooks, method });
  }
}

/** How many bytes a blob takes in a batch. */
function batchedSize(size: number | undefined): number {
  return size === undefined || size > BATCH_BYTES ? 0 : size;
}
