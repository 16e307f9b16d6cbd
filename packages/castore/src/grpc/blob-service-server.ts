import { Status } from 'nice-grpc';
import type { CallContext, ServiceImplementation } from 'nice-grpc';
import type { BlobService, BlobStat } from '../blob-service/blob-service.ts';
import { B3Digest } from '../digest/b3-digest.ts';
import type {
  PutBlobResponse,
  ReadBlobRequest,
  StatBlobRequest,
  StatBlobResponse,
} from '../proto/index.ts';
import type { BlobChunk } from './blob-chunk.ts';
import { ReadPacker } from './read-chunk.ts';
import type { ReadChunk } from './read-chunk.ts';
import type { FastBlobServiceDefinition } from './service-definitions.ts';
import { failureToStatus, notFound } from './status.ts';
import type { FailureOptions, ServerHooks } from './status.ts';

/** A chunk list that is longer than this is left out of an answer, so that the answer fits into every client's limit. */
const MAX_LISTED_CHUNKS = 64 * 1024;

/** `tvix.castore.v1.BlobService` over any blob service: add it under {@link FastBlobServiceDefinition}. */
export class BlobServiceServer implements ServiceImplementation<
  typeof FastBlobServiceDefinition
> {
  readonly #blobs: BlobService;
  readonly #hooks: ServerHooks;

  constructor(blobs: BlobService, hooks: ServerHooks = {}) {
    this.#blobs = blobs;
    this.#hooks = hooks;
  }

  async stat(
    request: StatBlobRequest,
    { signal }: CallContext,
  ): Promise<StatBlobResponse> {
    try {
      const digest = B3Digest.fromBytes(request.digest);
      const { sendChunks } = request;
      const stat = await this.#blobs.stat(digest, { signal, sendChunks });
      if (stat === undefined) throw blobNotFound(digest);
      const chunks = sendChunks ? listChunks(digest, stat) : [];
      return { chunks, bao: new Uint8Array(0) };
    } catch (error) {
      throw this.#toStatus(error, 'Stat');
    }
  }

  async *read(
    request: ReadBlobRequest,
    { signal }: CallContext,
  ): AsyncGenerator<ReadChunk, void> {
    try {
      const digest = B3Digest.fromBytes(request.digest);
      const reader = await this.#blobs.openRead(digest, { signal });
      if (reader === undefined) throw blobNotFound(digest);
      try {
        const packer = new ReadPacker();
        for await (const bytes of reader.read(undefined, { signal }))
          yield* packer.add(bytes);
        const last = packer.finish();
        if (last !== undefined) yield last;
      } finally {
        await reader.close();
      }
    } catch (error) {
      throw this.#toStatus(error, 'Read');
    }
  }

  async put(
    request: AsyncIterable<BlobChunk>,
    { signal }: CallContext,
  ): Promise<PutBlobResponse> {
    try {
      const writer = this.#blobs.openWrite({ signal });
      try {
        for await (const { data } of request)
          if (data.length > 0) await writer.write(data);
        // A client that vanishes ends the stream as one that is done does; only the signal tells them apart.
        signal.throwIfAborted();
        return { digest: (await writer.close()).bytes };
      } catch (error) {
        await writer.abort(error);
        throw error;
      }
    } catch (error) {
      throw this.#toStatus(error, 'Put', {
        statuses: {
          missing: Status.INTERNAL,
          corrupt: Status.INTERNAL,
          storage: Status.INTERNAL,
        },
      });
    }
  }

  #toStatus(
    error: unknown,
    name: string,
    options?: Omit<FailureOptions, 'method'>,
  ): Error {
    const method = `tvix.castore.v1.BlobService/${name}`;
    return failureToStatus(error, { ...this.#hooks, ...options, method });
  }
}

/** The chunks, where known; else the whole blob as its only chunk, so that a client learns the length. */
function listChunks(
  digest: B3Digest,
  { size, chunks }: BlobStat,
): StatBlobResponse['chunks'] {
  if (chunks.length > 0 && chunks.length <= MAX_LISTED_CHUNKS)
    return chunks.map((chunk) => ({
      digest: chunk.digest.bytes,
      size: BigInt(chunk.size),
    }));
  if (size === undefined || size === 0) return [];
  return [{ digest: digest.bytes, size: BigInt(size) }];
}

function blobNotFound(digest: B3Digest): Error {
  return notFound(`blob ${digest.toString()} not found`);
}
