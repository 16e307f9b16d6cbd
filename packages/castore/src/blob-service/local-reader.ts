import type { ChunkList } from '../chunking/chunk-list.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import { CastoreError } from '../errors.ts';
import type { BlobReader, ByteRange, CallOptions } from './blob-service.ts';
import { yieldToLoop } from './time-slice.ts';

/** Reads a stored blob chunk by chunk: each is checked as a whole before a byte of it leaves. */
export class LocalBlobReader implements BlobReader {
  readonly size: number;
  readonly #list: ChunkList;
  readonly #readChunk: (digest: B3Digest) => Uint8Array;
  /** Where each chunk begins in the blob. */
  #starts: Float64Array | undefined;
  #isClosed = false;

  constructor(list: ChunkList, readChunk: (digest: B3Digest) => Uint8Array) {
    this.size = list.size;
    this.#list = list;
    this.#readChunk = readChunk;
  }

  async *read(
    range: ByteRange = { offset: 0 },
    options?: CallOptions,
  ): AsyncGenerator<Uint8Array> {
    const end = Math.min(this.size, range.offset + (range.length ?? Infinity));
    if (range.offset >= end) return;
    const { chunks } = this.#list;
    const starts = (this.#starts ??= startsOf(this.#list));
    let at = range.offset;
    for (let i = indexAt(starts, at); at < end; i += 1) {
      options?.signal?.throwIfAborted();
      if (this.#isClosed)
        throw new CastoreError('castore/closed', 'the blob reader is closed');
      const bytes = this.#readChunk(chunks[i]!.digest);
      const from = at - starts[i]!;
      at = Math.min(end, starts[i]! + bytes.length);
      yield bytes.subarray(from, at - starts[i]!);
      if (at < end) await yieldToLoop();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function startsOf(list: ChunkList): Float64Array {
  const starts = new Float64Array(list.chunks.length);
  let at = 0;
  for (const [i, { size }] of list.chunks.entries()) {
    starts[i] = at;
    at += size;
  }
  return starts;
}

/** The chunk that a position lies in. */
function indexAt(starts: Float64Array, position: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (starts[middle]! <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}
