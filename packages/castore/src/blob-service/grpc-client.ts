import type { Channel } from '@grpc/grpc-js';
import { Status, createClient } from 'nice-grpc';
import type { B3Digest } from '../digest/b3-digest.ts';
import { DigestSet } from '../digest/digest-map.ts';
import { hashBytes } from '../digest/hasher.ts';
import { CastoreError } from '../errors.ts';
import { BlobBatchClient } from '../grpc/blob-batch-client.ts';
import { FastBlobServiceDefinition } from '../grpc/service-definitions.ts';
import { mapConcurrently } from '../grpc/map-concurrently.ts';
import { receivedDigest } from '../grpc/received-digests.ts';
import { isStatus, statusToFailure } from '../grpc/status.ts';
import { BatchBytes } from './batch-bytes.ts';
import type { StatBlobResponse } from '../proto/index.ts';
import type {
  BlobCapabilities,
  BlobReader,
  BlobService,
  BlobStat,
  BlobWriter,
  CallOptions,
  GetManyOptions,
  StatOptions,
} from './blob-service.ts';
import { GrpcBlobReader } from './grpc-reader.ts';
import { readRemoteBlob } from './grpc-stream.ts';
import type { BlobServiceClient } from './grpc-stream.ts';
import { GrpcBlobWriter } from './grpc-writer.ts';

/** How many calls are under way at once where a server takes things only one by one. */
const CALLS_IN_FLIGHT = 64;

const EMPTY_BLOB = hashBytes(new Uint8Array(0));

/**
 * Blobs of a server of `tvix.castore.v1.BlobService`. What it sends is checked against the digests; ranges against those of
 * the chunks that it names.
 *
 * Many blobs go in batches where the server offers `tvix.castore.batch.v1.BlobBatchService`, as ours does. What
 * `getMany` answers are then views into messages of up to a MiB: copy what is kept for long.
 */
export class GrpcBlobService implements BlobService {
  readonly capabilities: BlobCapabilities = { chunks: false, ranges: false };
  readonly #client: BlobServiceClient;
  #batch: BlobBatchClient | undefined;

  /** @param channel stays its owner's to close */
  constructor(channel: Channel) {
    this.#client = createClient(FastBlobServiceDefinition, channel);
    this.#batch = new BlobBatchClient(channel);
  }

  async has(digest: B3Digest, options?: CallOptions): Promise<boolean> {
    return (await this.#stat(digest, false, options)) !== undefined;
  }

  async stat(
    digest: B3Digest,
    options?: StatOptions,
  ): Promise<BlobStat | undefined> {
    const stat = await this.#stat(digest, true, options);
    if (stat === undefined) return undefined;
    const isWhole = stat.chunks.length === 1;
    return options?.sendChunks === true && !isWhole
      ? stat
      : { size: stat.size, chunks: [] };
  }

  async openRead(
    digest: B3Digest,
    options?: CallOptions,
  ): Promise<BlobReader | undefined> {
    const stat = await this.#stat(digest, true, options);
    return stat && new GrpcBlobReader(this.#client, digest, stat);
  }

  openWrite(options?: CallOptions): BlobWriter {
    return new GrpcBlobWriter(this.#client, options);
  }

  async putMany(
    blobs: readonly Uint8Array[],
    options?: CallOptions,
  ): Promise<readonly B3Digest[]> {
    const putOne = (blob: Uint8Array): Promise<B3Digest> =>
      this.#putWhole(blob, options);
    return await this.#batched(
      async (batch) => {
        const [small, large] = partition(blobs, BlobBatchClient.takes);
        const batched = (await batch.put(small, callOptions(options))).values();
        const single = (
          await mapConcurrently(large, CALLS_IN_FLIGHT, putOne)
        ).values();
        return blobs.map(
          (blob) =>
            (BlobBatchClient.takes(blob) ? batched : single).next().value!,
        );
      },
      () => mapConcurrently(blobs, CALLS_IN_FLIGHT, putOne),
      options,
    );
  }

  async getMany(
    digests: readonly B3Digest[],
    options?: GetManyOptions,
  ): Promise<readonly (Uint8Array | undefined)[]> {
    const total = new BatchBytes(options?.maxBytes);
    const getOne = (digest: B3Digest): Promise<Uint8Array | undefined> =>
      this.#getWhole(digest, total, options);
    return await this.#batched(
      async (batch) => {
        const found = await batch.get(digests, total, callOptions(options));
        const large = digests.filter(
          (_, index) => found[index] === 'too-large',
        );
        const single = (
          await mapConcurrently(large, CALLS_IN_FLIGHT, getOne)
        ).values();
        return found.map((blob) =>
          blob === 'too-large' ? single.next().value : blob,
        );
      },
      () => mapConcurrently(digests, CALLS_IN_FLIGHT, getOne),
      options,
    );
  }

  async findMissing(
    digests: readonly B3Digest[],
    options?: CallOptions,
  ): Promise<readonly B3Digest[]> {
    const wanted = [...new DigestSet(digests)];
    return await this.#batched(
      (batch) => batch.findMissing(wanted, callOptions(options)),
      async () => {
        const found = await mapConcurrently(wanted, CALLS_IN_FLIGHT, (digest) =>
          this.has(digest, options),
        );
        return wanted.filter((_, index) => found[index] === false);
      },
      options,
    );
  }

  /** The answer of the server: its only chunk may be the whole blob, which is how a server tells the length. */
  async #stat(
    digest: B3Digest,
    sendChunks: boolean,
    options: CallOptions | undefined,
  ): Promise<BlobStat | undefined> {
    options?.signal?.throwIfAborted();
    try {
      const request = { digest: digest.bytes, sendChunks };
      return toStat(
        digest,
        await this.#client.stat(request, callOptions(options)),
      );
    } catch (error) {
      if (isStatus(error, Status.NOT_FOUND)) return undefined;
      throw statusToFailure(error, options?.signal);
    }
  }

  /** Asks in batches, unless the server turns out not to offer them, which is remembered. */
  async #batched<T>(
    inBatches: (batch: BlobBatchClient) => Promise<T>,
    oneByOne: () => Promise<T>,
    options: CallOptions | undefined,
  ): Promise<T> {
    options?.signal?.throwIfAborted();
    if (this.#batch !== undefined) {
      try {
        return await inBatches(this.#batch);
      } catch (error) {
        if (!isStatus(error, Status.UNIMPLEMENTED))
          throw statusToFailure(error, options?.signal);
        this.#batch = undefined;
      }
    }
    return await oneByOne();
  }

  async #putWhole(
    blob: Uint8Array,
    options: CallOptions | undefined,
  ): Promise<B3Digest> {
    const writer = this.openWrite(options);
    await writer.write(blob);
    return await writer.close();
  }

  async #getWhole(
    digest: B3Digest,
    total: BatchBytes,
    options: CallOptions | undefined,
  ): Promise<Uint8Array | undefined> {
    const pieces: Uint8Array[] = [];
    const signal = options?.signal ?? new AbortController().signal;
    signal.throwIfAborted();
    try {
      for await (const piece of readRemoteBlob(this.#client, digest, signal)) {
        total.add(piece.length);
        pieces.push(piece);
      }
    } catch (error) {
      if (
        error instanceof CastoreError &&
        error.code === 'castore/blob-not-found'
      )
        return undefined;
      throw error;
    }
    return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
  }
}

function partition<T>(
  items: readonly T[],
  belongs: (item: T) => boolean,
): [T[], T[]] {
  const inside: T[] = [];
  const outside: T[] = [];
  for (const item of items) (belongs(item) ? inside : outside).push(item);
  return [inside, outside];
}

function callOptions(options: CallOptions | undefined): CallOptions {
  return options?.signal === undefined ? {} : { signal: options.signal };
}

function toStat(digest: B3Digest, response: StatBlobResponse): BlobStat {
  const chunks = response.chunks.map((chunk) => ({
    digest: receivedDigest(chunk.digest),
    size: Number(chunk.size),
  }));
  const size = chunks.reduce((sum, chunk) => sum + chunk.size, 0);
  if (!Number.isSafeInteger(size)) {
    throw new CastoreError(
      'castore/protocol',
      `remote: blob ${digest.toString()} is said to be ${size} bytes long`,
      { details: { digest } },
    );
  }
  if (chunks.length > 0) return { size, chunks };
  return { size: digest.equals(EMPTY_BLOB) ? 0 : undefined, chunks };
}
