import type { Channel } from '@grpc/grpc-js';
import { Status, createClient } from 'nice-grpc';
import { B3Digest } from '../digest/b3-digest.ts';
import { DigestSet } from '../digest/digest-map.ts';
import { hashBytes } from '../digest/hasher.ts';
import { CastoreError } from '../errors.ts';
import { FastBlobServiceDefinition } from '../grpc/codecs.ts';
import { mapConcurrently } from '../grpc/map-concurrently.ts';
import { isStatus, statusToFailure } from '../grpc/status.ts';
import type { StatBlobResponse } from '../proto/index.ts';
import type {
  BlobCapabilities,
  BlobReader,
  BlobService,
  BlobStat,
  BlobWriter,
  CallOptions,
  StatOptions,
} from './blob-service.ts';
import { GrpcBlobReader } from './grpc-reader.ts';
import { readRemoteBlob } from './grpc-stream.ts';
import type { BlobServiceClient } from './grpc-stream.ts';
import { GrpcBlobWriter } from './grpc-writer.ts';

/** How many calls are under way at once where a server takes things only one by one. */
const CALLS_IN_FLIGHT = 64;

const EMPTY_BLOB = hashBytes(new Uint8Array(0));

/** Blobs of a server of `tvix.castore.v1.BlobService`. What it sends is checked against the digests. */
export class GrpcBlobService implements BlobService {
  readonly capabilities: BlobCapabilities = { chunks: false, ranges: false };
  readonly #client: BlobServiceClient;

  /** @param channel stays its owner's to close */
  constructor(channel: Channel) {
    this.#client = createClient(FastBlobServiceDefinition, channel);
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
    return await mapConcurrently(blobs, CALLS_IN_FLIGHT, async (blob) => {
      const writer = this.openWrite(options);
      await writer.write(blob);
      return await writer.close();
    });
  }

  async getMany(
    digests: readonly B3Digest[],
    options?: CallOptions,
  ): Promise<readonly (Uint8Array | undefined)[]> {
    return await mapConcurrently(digests, CALLS_IN_FLIGHT, (digest) =>
      this.#getWhole(digest, options),
    );
  }

  async findMissing(
    digests: readonly B3Digest[],
    options?: CallOptions,
  ): Promise<readonly B3Digest[]> {
    const wanted = [...new DigestSet(digests)];
    const found = await mapConcurrently(wanted, CALLS_IN_FLIGHT, (digest) =>
      this.has(digest, options),
    );
    return wanted.filter((_, index) => found[index] === false);
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

  async #getWhole(
    digest: B3Digest,
    options: CallOptions | undefined,
  ): Promise<Uint8Array | undefined> {
    const pieces: Uint8Array[] = [];
    const signal = options?.signal ?? new AbortController().signal;
    signal.throwIfAborted();
    try {
      for await (const piece of readRemoteBlob(this.#client, digest, signal))
        pieces.push(piece);
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

function callOptions(options: CallOptions | undefined): CallOptions {
  return options?.signal === undefined ? {} : { signal: options.signal };
}

function toStat(digest: B3Digest, response: StatBlobResponse): BlobStat {
  const chunks = response.chunks.map((chunk) => ({
    digest: B3Digest.fromBytes(chunk.digest),
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
