import { encodeChunkList, type ListedChunk } from '../chunking/chunk-list.ts';
import type { ChunkCutter } from '../chunking/fastcdc.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import { createHasher, hashBytes, type Hasher } from '../digest/hasher.ts';
import { CastoreError } from '../errors.ts';
import type { Lease } from '../local-store/usage/leases.ts';
import type { RecordStore } from '../local-store/read/quiet-store.ts';
import { RecordKind } from '../local-store/packs/record.ts';
import type { BlobWriter } from './blob-service.ts';

/** As many of the largest chunks are gathered before they are cut: one copy for several cuts. */
const BUFFERED_CHUNKS = 4;

/** The buffer grows to its full size only for blobs that need it. */
const FIRST_BUFFER_BYTES = 64 * 1024;

/**
 * Streams one blob into a local store with a few MiB of memory, whatever its length. Chunks become durable on the way;
 * the blob exists from the moment its recipe does.
 */
export class LocalBlobWriter implements BlobWriter {
  readonly #store: RecordStore;
  readonly #cutter: ChunkCutter;
  readonly #signal: AbortSignal | undefined;
  readonly #maxChunk: number;
  #buffer = new Uint8Array(0);
  #filled = 0;
  /** Started once the blob is longer than one chunk. */
  #hasher: Hasher | undefined;
  #chunks: ListedChunk[] = [];
  /** What was submitted and isn't known to be durable. */
  #undurable: Promise<unknown>[] = [];
  /** Held while chunks are stored that no recipe names yet. */
  #lease: Lease | undefined;
  #size = 0;
  #state: 'open' | 'aborted' | Promise<B3Digest> = 'open';

  constructor(
    store: RecordStore,
    cutter: ChunkCutter,
    signal: AbortSignal | undefined,
  ) {
    this.#store = store;
    this.#cutter = cutter;
    this.#signal = signal;
    this.#maxChunk = store.format.chunking.maxBytes;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#signal?.throwIfAborted();
    if (this.#state !== 'open')
      throw new CastoreError('castore/closed', 'the blob writer is closed');
    try {
      await this.#take(chunk);
    } catch (error) {
      // Half of the piece may have been taken: closing must not make a blob of that.
      this.#state = Promise.reject(error);
      this.#state.catch(() => {});
      this.#lease?.release();
      throw error;
    }
  }

  async close(): Promise<B3Digest> {
    if (this.#state === 'aborted')
      throw new CastoreError('castore/closed', 'the blob was given up');
    if (this.#state === 'open') {
      this.#signal?.throwIfAborted();
      this.#state = this.#finish().finally(() => this.#lease?.release());
    }
    return this.#state;
  }

  async abort(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'aborted';
    // Chunks that are stored already have no name that leads to them as this blob; a collection takes them.
    this.#buffer = new Uint8Array(0);
    this.#chunks = [];
    await Promise.allSettled(this.#undurable);
    this.#lease?.release();
  }

  async #take(chunk: Uint8Array): Promise<void> {
    let rest = chunk;
    while (rest.length > 0) {
      this.#makeRoom(rest.length);
      const taken = rest.subarray(0, this.#buffer.length - this.#filled);
      this.#buffer.set(taken, this.#filled);
      this.#filled += taken.length;
      rest = rest.subarray(taken.length);
      if (this.#filled === this.#capacity) await this.#cut(false);
    }
    this.#size += chunk.length;
  }

  get #capacity(): number {
    return BUFFERED_CHUNKS * this.#maxChunk;
  }

  #makeRoom(wanted: number): void {
    const needed = Math.min(this.#capacity, this.#filled + wanted);
    if (needed <= this.#buffer.length) return;
    const length = Math.min(
      this.#capacity,
      Math.max(needed, 2 * this.#buffer.length, FIRST_BUFFER_BYTES),
    );
    const buffer = new Uint8Array(length);
    buffer.set(this.#buffer.subarray(0, this.#filled));
    this.#buffer = buffer;
  }

  /** Submits the chunks of what is buffered; the rest moves to the front, unless it is the end of the blob. */
  async #cut(isEnd: boolean): Promise<void> {
    this.#hasher ??= createHasher();
    this.#lease ??= this.#store.lease();
    this.#lease.renew();
    const records = [];
    let at = 0;
    while (at < this.#filled) {
      const left = this.#buffer.subarray(at, this.#filled);
      if (!isEnd && left.length < this.#maxChunk) break;
      const bytes = left.subarray(0, this.#cutter.cut(left));
      const digest = hashBytes(bytes);
      this.#chunks.push({ digest, size: bytes.length });
      records.push({ kind: RecordKind.chunk, key: digest.bytes, bytes });
      at += bytes.length;
    }
    this.#hasher.update(this.#buffer.subarray(0, at));
    const { durable } = await this.#store.submit(records);
    this.#track(durable);
    this.#buffer.copyWithin(0, at, this.#filled);
    this.#filled -= at;
  }

  #track(durable: Promise<unknown>): void {
    const tracked = durable.then(() => {
      this.#undurable = this.#undurable.filter((other) => other !== tracked);
    });
    // A failure stays in the list, for the end to find.
    tracked.catch(() => {});
    this.#undurable.push(tracked);
  }

  async #finish(): Promise<B3Digest> {
    if (this.#chunks.length === 0 && this.#filled <= this.#maxChunk) {
      const bytes = this.#buffer.subarray(0, this.#filled);
      const digest = hashBytes(bytes);
      await this.#store.put([
        { kind: RecordKind.chunk, key: digest.bytes, bytes },
      ]);
      this.#buffer = new Uint8Array(0);
      return digest;
    }
    await this.#cut(true);
    this.#buffer = new Uint8Array(0);
    const digest = this.#hasher!.digest();
    const list = { size: this.#size, chunks: this.#chunks };
    // A recipe whose chunks are missing would be a lie: they come first.
    await Promise.all(this.#undurable);
    await this.#store.put([
      {
        kind: RecordKind.recipe,
        key: digest.bytes,
        bytes: encodeChunkList(digest, list),
      },
    ]);
    return digest;
  }
}
