import type { B3Digest } from '../digest/b3-digest.ts';
import { DigestMap, DigestSet } from '../digest/digest-map.ts';
import { createHasher, hashBytes } from '../digest/hasher.ts';
import type { Hasher } from '../digest/hasher.ts';
import { CastoreError } from '../errors.ts';
import { BatchBytes } from './batch-bytes.ts';
import type {
  BlobCapabilities,
  BlobReader,
  BlobService,
  BlobStat,
  BlobWriter,
  ByteRange,
  CallOptions,
  GetManyOptions,
} from './blob-service.ts';

/** A blob as it came: making one piece of many would cost a large blob its size once more. */
interface StoredBlob {
  readonly size: number;
  readonly pieces: readonly Uint8Array[];
}

/** Keeps blobs in memory, for tests and throw-away daemons. */
export class MemoryBlobService implements BlobService {
  readonly capabilities: BlobCapabilities = { chunks: false, ranges: true };
  readonly #blobs = new DigestMap<StoredBlob>();

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
    return blob && { size: blob.size, chunks: [] };
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
    return new MemoryBlobWriter(this.#blobs, options?.signal);
  }

  async putMany(
    blobs: readonly Uint8Array[],
    options?: CallOptions,
  ): Promise<readonly B3Digest[]> {
    options?.signal?.throwIfAborted();
    const digests = blobs.map(hashBytes);
    const isNew = digests.map((digest) => !this.#blobs.has(digest));
    const pieces = blobs.filter((_, index) => isNew[index]);
    const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
    // One copy of all: memory of its own for each small blob costs more than hashing it.
    const copies = keep(size, pieces);
    let at = 0;
    for (const [index, digest] of digests.entries()) {
      if (!isNew[index]) continue;
      const copy = copies.subarray(at, (at += blobs[index]!.length));
      this.#blobs.set(digest, { size: copy.length, pieces: [copy] });
    }
    return digests;
  }

  async getMany(
    digests: readonly B3Digest[],
    options?: GetManyOptions,
  ): Promise<readonly (Uint8Array | undefined)[]> {
    options?.signal?.throwIfAborted();
    const total = new BatchBytes(options?.maxBytes);
    const blobs = digests.map((digest) => this.#blobs.get(digest));
    for (const blob of blobs) total.add(blob?.size ?? 0);
    return blobs.map((blob) => blob && joined(blob));
  }

  readWhole(digest: B3Digest, into: Uint8Array): boolean {
    const blob = this.#blobs.get(digest);
    if (blob?.size !== into.length) return false;
    joinInto(into, blob.pieces);
    return true;
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
}

/**
 * A copy of pieces that stays. Shared memory isn't counted by V8's collector, which otherwise takes what is kept for a
 * heap that grows, and marks all of it again for every few MiB.
 */
function keep(size: number, pieces: readonly Uint8Array[]): Uint8Array {
  return joinInto(new Uint8Array(new SharedArrayBuffer(size)), pieces);
}

/** A copy of a blob in one piece. */
function joined({ size, pieces }: StoredBlob): Uint8Array {
  return joinInto(new Uint8Array(size), pieces);
}

function joinInto(
  whole: Uint8Array,
  pieces: readonly Uint8Array[],
): Uint8Array {
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** As much as one chunk of a read carries. */
const READ_BYTES = 256 * 1024;

class MemoryBlobReader implements BlobReader {
  readonly #blob: StoredBlob;
  #isClosed = false;

  constructor(blob: StoredBlob) {
    this.#blob = blob;
  }

  get size(): number {
    return this.#blob.size;
  }

  async *read(
    range: ByteRange = { offset: 0 },
    options?: CallOptions,
  ): AsyncGenerator<Uint8Array> {
    const end = Math.min(this.size, range.offset + (range.length ?? Infinity));
    let start = 0;
    for (const piece of this.#blob.pieces) {
      const last = Math.min(piece.length, end - start);
      const first = Math.max(0, range.offset - start);
      for (let at = first; at < last; at += READ_BYTES) {
        options?.signal?.throwIfAborted();
        if (this.#isClosed)
          throw new CastoreError('castore/closed', 'the blob reader is closed');
        // A copy: what a caller does with its bytes must not reach the store.
        yield piece.slice(at, Math.min(last, at + READ_BYTES));
      }
      start += piece.length;
      if (start >= end) return;
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
  readonly #blobs: DigestMap<StoredBlob>;
  readonly #signal: AbortSignal | undefined;
  readonly #hasher: Hasher = createHasher();
  #pieces: Uint8Array[] = [];
  #size = 0;
  #state: 'open' | 'aborted' | B3Digest = 'open';

  constructor(blobs: DigestMap<StoredBlob>, signal: AbortSignal | undefined) {
    this.#blobs = blobs;
    this.#signal = signal;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#signal?.throwIfAborted();
    if (this.#state !== 'open')
      throw new CastoreError('castore/closed', 'the blob writer is closed');
    if (chunk.length === 0) return;
    this.#hasher.update(chunk);
    this.#pieces.push(keep(chunk.length, [chunk]));
    this.#size += chunk.length;
  }

  async close(): Promise<B3Digest> {
    if (this.#state === 'aborted')
      throw new CastoreError('castore/closed', 'the blob was given up');
    if (this.#state === 'open') {
      this.#signal?.throwIfAborted();
      const digest = this.#hasher.digest();
      if (!this.#blobs.has(digest))
        this.#blobs.set(digest, { size: this.#size, pieces: this.#pieces });
      this.#state = digest;
    }
    return this.#state;
  }

  async abort(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'aborted';
    this.#pieces = [];
  }
}
