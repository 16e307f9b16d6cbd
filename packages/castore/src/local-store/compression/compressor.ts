import type { StoreThreads } from '../threads/store-threads.ts';
import {
  type CompressedBatch,
  type CompressionBatch,
  compressBatch,
} from './compress-batch.ts';
import type { Zstd } from './zstd.ts';

/** Batches up to this size are done at once: the trip to another thread costs more. */
const INLINE_BYTES = 16 * 1024;

/** Compresses batches, in the threads of a store where that pays. */
export class Compressor {
  readonly #zstd: Zstd;
  /** Zstandard's level for long payloads, 1 to 18; shorter ones get one more. */
  readonly #level: number;
  readonly #threads: StoreThreads;

  constructor(zstd: Zstd, level: number, threads: StoreThreads) {
    this.#zstd = zstd;
    this.#level = level;
    this.#threads = threads;
  }

  /** Works in the slab of the batch, which nobody else may look into meanwhile. */
  compress(
    batch: CompressionBatch,
  ): CompressedBatch | Promise<CompressedBatch> {
    const bytes = payloadBytes(batch);
    return this.#threads.isEmpty || bytes <= INLINE_BYTES
      ? compressBatch(this.#zstd, this.#level, batch)
      : this.#threads.compress(batch, bytes);
  }
}

function payloadBytes(batch: CompressionBatch): number {
  let bytes = 0;
  for (const length of batch.lengths) bytes += length;
  return bytes;
}
