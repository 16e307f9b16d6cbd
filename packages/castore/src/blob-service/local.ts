import { ChunkCutter } from '../chunking/fastcdc.ts';
import { type ChunkList, decodeChunkList } from '../chunking/chunk-list.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import { DigestSet } from '../digest/digest-map.ts';
import { hashBytes } from '../digest/hasher.ts';
import { CastoreError } from '../errors.ts';
import type { RecordStore } from '../local-store/read/quiet-store.ts';
import { RecordKind } from '../local-store/packs/record.ts';
import { BatchBytes } from './batch-bytes.ts';
import type {
  BlobCapabilities,
  BlobFiller,
  BlobPlace,
  BlobReader,
  BlobService,
  BlobStat,
  BlobWriter,
  CallOptions,
  GetManyOptions,
  StatOptions,
} from './blob-service.ts';
import { LocalBlobFiller } from './local-filler.ts';
import { LocalBlobReader } from './local-reader.ts';
import { LocalBlobWriter } from './local-writer.ts';
import { yieldToLoop, TimeSlice } from './time-slice.ts';

/**
 * Blobs in a local store. One up to the maximum chunk is one record; a longer one is cut into chunks, which are blobs
 * of their own, and a recipe that lists them.
 */
export class LocalBlobService implements BlobService {
  readonly capabilities: BlobCapabilities = { chunks: true, ranges: true };
  readonly #store: RecordStore;
  readonly #cutter: ChunkCutter;

  constructor(store: RecordStore) {
    this.#store = store;
    this.#cutter = new ChunkCutter(store.format.chunking);
  }

  async has(digest: B3Digest, options?: CallOptions): Promise<boolean> {
    options?.signal?.throwIfAborted();
    return this.#has(digest);
  }

  async stat(
    digest: B3Digest,
    options?: StatOptions,
  ): Promise<BlobStat | undefined> {
    options?.signal?.throwIfAborted();
    const size = this.#store.rawLength(RecordKind.chunk, digest.bytes);
    if (size !== undefined) {
      const chunks = options?.sendChunks === true ? [{ digest, size }] : [];
      return { size, chunks };
    }
    const list = this.#recipe(digest);
    return (
      list && {
        size: list.size,
        chunks: options?.sendChunks === true ? list.chunks : [],
      }
    );
  }

  async openRead(
    digest: B3Digest,
    options?: CallOptions,
  ): Promise<BlobReader | undefined> {
    options?.signal?.throwIfAborted();
    const list = this.#chunksOf(digest);
    return list && new LocalBlobReader(list, (chunk) => this.#readChunk(chunk));
  }

  openWrite(options?: CallOptions): BlobWriter {
    return new LocalBlobWriter(this.#store, this.#cutter, options?.signal);
  }

  async putMany(
    blobs: readonly Uint8Array[],
    options?: CallOptions,
  ): Promise<readonly B3Digest[]> {
    options?.signal?.throwIfAborted();
    const { maxBytes } = this.#store.format.chunking;
    const digests = new Array<B3Digest>(blobs.length);
    const records = [];
    const large: Promise<void>[] = [];
    for (const [i, bytes] of blobs.entries()) {
      if (bytes.length > maxBytes) {
        large.push(
          this.#putLarge(bytes).then((digest) => void (digests[i] = digest)),
        );
        continue;
      }
      const digest = hashBytes(bytes);
      digests[i] = digest;
      records.push({ kind: RecordKind.chunk, key: digest.bytes, bytes });
    }
    await Promise.all([this.#store.put(records), ...large]);
    return digests;
  }

  async getMany(
    digests: readonly B3Digest[],
    options?: GetManyOptions,
  ): Promise<readonly (Uint8Array | undefined)[]> {
    const blobs = new Array<Uint8Array | undefined>(digests.length);
    const slice = new TimeSlice();
    const total = new BatchBytes(options?.maxBytes);
    for (const [i, digest] of digests.entries()) {
      if (slice.isOver()) {
        await yieldToLoop();
        slice.restart();
      }
      options?.signal?.throwIfAborted();
      const length = this.#store.rawLength(RecordKind.chunk, digest.bytes);
      total.add(length ?? 0);
      blobs[i] =
        length === undefined
          ? await this.#readLarge(digest, total)
          : this.#readSmall(digest);
    }
    return blobs;
  }

  readPart(digest: B3Digest, place: BlobPlace, into: Uint8Array): boolean {
    return corruptAs(digest, () =>
      this.#store.readPart(RecordKind.chunk, digest.bytes, place, into),
    );
  }

  readWhole(digest: B3Digest, into: Uint8Array): boolean {
    return corruptAs(digest, () =>
      this.#store.readWhole(RecordKind.chunk, digest.bytes, into),
    );
  }

  openFiller(): BlobFiller | undefined {
    const chunks = this.#store.openFiller(RecordKind.chunk);
    return chunks && new LocalBlobFiller(chunks, this);
  }

  async findMissing(
    digests: readonly B3Digest[],
    options?: CallOptions,
  ): Promise<readonly B3Digest[]> {
    const missing = new DigestSet();
    /** Large ones that are there, whose lists of chunks were looked through. */
    const large = new DigestSet();
    const slice = new TimeSlice();
    for (const digest of digests) {
      if (slice.isOver()) {
        await yieldToLoop();
        slice.restart();
      }
      options?.signal?.throwIfAborted();
      if (this.#store.has(RecordKind.chunk, digest.bytes)) continue;
      if (large.has(digest) || missing.has(digest)) continue;
      (this.#recipe(digest) === undefined ? missing : large).add(digest);
    }
    return [...missing];
  }

  /** A blob is there when all its chunks are: one that was found damaged makes it missing, so that a put heals it. */
  #has(digest: B3Digest): boolean {
    return (
      this.#store.has(RecordKind.chunk, digest.bytes) ||
      this.#recipe(digest) !== undefined
    );
  }

  #chunksOf(digest: B3Digest): ChunkList | undefined {
    const size = this.#store.rawLength(RecordKind.chunk, digest.bytes);
    return size === undefined
      ? this.#recipe(digest)
      : { size, chunks: [{ digest, size }] };
  }

  /** The recipe of a large blob, if it and all the chunks that it names are stored. */
  #recipe(digest: B3Digest): ChunkList | undefined {
    const bytes = corruptAs(digest, () =>
      this.#store.read(RecordKind.recipe, digest.bytes),
    );
    if (bytes === undefined) return undefined;
    const list = decodeChunkList(digest, bytes);
    if (list === undefined) throw corrupt(digest, undefined);
    return list.chunks.every((chunk) =>
      this.#store.has(RecordKind.chunk, chunk.digest.bytes),
    )
      ? list
      : undefined;
  }

  #readChunk(digest: B3Digest): Uint8Array {
    const bytes = this.#readSmall(digest);
    if (bytes === undefined) {
      throw new CastoreError(
        'castore/corrupt-blob',
        `chunk ${digest.toString()} of an open blob is gone`,
        { details: { digest } },
      );
    }
    return bytes;
  }

  #readSmall(digest: B3Digest): Uint8Array | undefined {
    return corruptAs(digest, () =>
      this.#store.read(RecordKind.chunk, digest.bytes),
    );
  }

  async #readLarge(
    digest: B3Digest,
    total: BatchBytes,
  ): Promise<Uint8Array | undefined> {
    const list = this.#recipe(digest);
    if (list === undefined) return undefined;
    total.add(list.size);
    const bytes = new Uint8Array(list.size);
    let at = 0;
    for (const chunk of list.chunks) {
      bytes.set(this.#readChunk(chunk.digest), at);
      at += chunk.size;
      await yieldToLoop();
    }
    return bytes;
  }

  async #putLarge(bytes: Uint8Array): Promise<B3Digest> {
    const writer = this.openWrite();
    await writer.write(bytes);
    return writer.close();
  }
}

function corruptAs<T>(digest: B3Digest, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof CastoreError && error.code === 'castore/corrupt-store')
      throw corrupt(digest, error);
    throw error;
  }
}

function corrupt(digest: B3Digest, cause: unknown): CastoreError {
  return new CastoreError(
    'castore/corrupt-blob',
    `what is stored for blob ${digest.toString()} is damaged`,
    { cause, details: { digest } },
  );
}
