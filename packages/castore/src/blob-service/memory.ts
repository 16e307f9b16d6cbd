import type { B3Digest } from '../digest/b3-digest.ts';
import { DigestMap, DigestSet } from '../digest/digest-map.ts';
import { hashBytes } from '../digest/hasher.ts';
import { CastoreError } from '../errors.ts';
import type {
  BlobCapabilities,
  BlobReader,
  BlobService,
  BlobStat,
  BlobWriter,
  ByteRange,
  CallOptions,
} from './blob-service.ts';

/** Keeps blobs in memory, for tests and throw-away daemons. */
export class MemoryBlobService implements BlobService {
  readonly capabilities: BlobCapabilities = { chunks: false, ranges: true };
  readonly #blobs = new DigestMap<Uint8Array>();

  async has(digest: B3Digest, options?: CallOptions): Promise<boolean> {
    options?.signal?.throwIfAborted();
    return this.#blobs.has(digest);
  }

  async stat(
    digest: B3Digest,
    options?: CallOptions,
  ): Promise<BlobStat | undefined> {
    options?.signal?.throwIfAborted();
    const blob = this.#blobs.get(digest);
    return blob && { size: blob.length, chunks: [] };
  }

  async openRead(
    digest: B3Digest,
    options?: CallOptions,
  ): Promise<BlobReader | undefined> {
    options?.signal?.throwIfAborted();
    const blob = this.#blobs.get(digest);
    return blob && new MemoryBlobReader(blob);
  }

  openWrite(options?: CallOptions): BlobWriter {
    return new MemoryBlobWriter(
      (contents) => this.#insert(contents),
      options?.signal,
    );
  }

  async putMany(
    blobs: readonly Uint8Array[],
    options?: CallOptions,
  ): Promise<readonly B3Digest[]> {
    options?.signal?.throwIfAborted();
    return blobs.map((blob) => this.#insert(blob.slice()));
  }

  async getMany(
    digests: readonly B3Digest[],
    options?: CallOptions,
  ): Promise<readonly (Uint8Array | undefined)[]> {
    options?.signal?.throwIfAborted();
    return digests.map((digest) => this.#blobs.get(digest)?.slice());
  }

  async findMissing(
    digests: readonly B3Digest[],
    options?: CallOptions,
  ): Promise<readonly B3Digest[]> {
    options?.signal?.throwIfAborted();
    return [
      ...new DigestSet(digests.filter((digest) => !this.#blobs.has(digest))),
    ];
  }

  #insert(contents: Uint8Array): B3Digest {
    const digest = hashBytes(contents);
    if (!this.#blobs.has(digest)) this.#blobs.set(digest, contents);
    return digest;
  }
}

/** As much as one chunk of a read carries. */
const READ_BYTES = 64 * 1024;

class MemoryBlobReader implements BlobReader {
  readonly #blob: Uint8Array;
  #isClosed = false;

  constructor(blob: Uint8Array) {
    this.#blob = blob;
  }

  get size(): number {
    return this.#blob.length;
  }

  async *read(
    range: ByteRange = { offset: 0 },
    options?: CallOptions,
  ): AsyncGenerator<Uint8Array> {
    const end = Math.min(this.size, range.offset + (range.length ?? Infinity));
    for (let at = range.offset; at < end; at += READ_BYTES) {
      options?.signal?.throwIfAborted();
      if (this.#isClosed)
        throw new CastoreError('castore/closed', 'the blob reader is closed');
      // A copy: what a caller does with its bytes must not reach the store.
      yield this.#blob.slice(at, Math.min(end, at + READ_BYTES));
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

class MemoryBlobWriter implements BlobWriter {
  readonly #insert: (contents: Uint8Array) => B3Digest;
  readonly #signal: AbortSignal | undefined;
  #chunks: Uint8Array[] = [];
  #state: 'open' | 'aborted' | B3Digest = 'open';

  constructor(
    insert: (contents: Uint8Array) => B3Digest,
    signal: AbortSignal | undefined,
  ) {
    this.#insert = insert;
    this.#signal = signal;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#signal?.throwIfAborted();
    if (this.#state !== 'open')
      throw new CastoreError('castore/closed', 'the blob writer is closed');
    if (chunk.length > 0) this.#chunks.push(chunk.slice());
  }

  async close(): Promise<B3Digest> {
    if (this.#state === 'aborted')
      throw new CastoreError('castore/closed', 'the blob was given up');
    if (this.#state === 'open') {
      this.#signal?.throwIfAborted();
      this.#state = this.#insert(new Uint8Array(Buffer.concat(this.#chunks)));
      this.#chunks = [];
    }
    return this.#state;
  }

  async abort(): Promise<void> {
    if (this.#state === 'open') this.#state = 'aborted';
    this.#chunks = [];
  }
}
