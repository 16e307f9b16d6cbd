import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import {
  type CompressedBatch,
  type CompressionBatch,
  compressBatch,
} from './compress-batch.ts';
import { openZstd } from './open-zstd.ts';
import type { Zstd } from './zstd.ts';

/** How a store compresses. */
export interface CompressorOptions {
  /** Zstandard's level for long payloads, 1 to 18; shorter ones get one more. */
  readonly level: number;
  /**
   * Threads beside the calling one; 0 compresses on the calling thread. Left out: one for each core, one to four: the
   * calling thread waits for them where files are large, and they for it where files are small. There are none where the
   * built worker isn't found: in code that runs from its TypeScript sources, or was bundled.
   */
  readonly threads?: number | undefined;
}

/** Batches up to this size are done at once: the trip to another thread costs more. */
const INLINE_BYTES = 16 * 1024;

const MAX_THREADS = 4;

/** Built code has it beside this file; TypeScript sources, which Node 20 can't load into a worker, don't. */
const WORKER = new URL('./worker.js', import.meta.url);

interface Job {
  readonly resolve: (result: CompressedBatch) => void;
  readonly reject: (error: unknown) => void;
}

/** Compresses batches, in threads of its own where that pays. */
export class Compressor {
  readonly zstd: Zstd;
  readonly #level: number;
  readonly #threads: CompressionThread[];

  private constructor(zstd: Zstd, level: number, threads: CompressionThread[]) {
    this.zstd = zstd;
    this.#level = level;
    this.#threads = threads;
  }

  static async open(options: CompressorOptions): Promise<Compressor> {
    const wanted =
      options.threads ?? Math.min(MAX_THREADS, availableParallelism());
    const count = existsSync(WORKER) ? wanted : 0;
    const threads = Array.from(
      { length: count },
      () => new CompressionThread(options.level),
    );
    return new Compressor(await openZstd(), options.level, threads);
  }

  /** Works in the slab of the batch, which nobody else may look into meanwhile. */
  compress(
    batch: CompressionBatch,
  ): CompressedBatch | Promise<CompressedBatch> {
    if (this.#threads.length === 0 || payloadBytes(batch) <= INLINE_BYTES)
      return compressBatch(this.zstd, this.#level, batch);
    let least = this.#threads[0]!;
    for (const thread of this.#threads)
      if (thread.pendingBytes < least.pendingBytes) least = thread;
    return least.compress(batch);
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }
}

/** One thread; answers come in the order of the questions. Started at the first, and no reason for the process to live. */
class CompressionThread {
  readonly #level: number;
  readonly #jobs: (Job & { readonly bytes: number })[] = [];
  #worker: Worker | undefined;
  pendingBytes = 0;

  constructor(level: number) {
    this.#level = level;
  }

  compress(batch: CompressionBatch): Promise<CompressedBatch> {
    const worker = (this.#worker ??= this.#start());
    const bytes = payloadBytes(batch);
    this.pendingBytes += bytes;
    return new Promise((resolve, reject) => {
      this.#jobs.push({ resolve, reject, bytes });
      worker.ref();
      worker.postMessage(batch);
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(WORKER, {
      workerData: { level: this.#level },
      // What it makes is short-lived and small: left to itself, room for that would grow to 48 MiB.
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
    });
    worker.unref();
    worker.on('message', (result: CompressedBatch) => {
      const job = this.#jobs.shift();
      if (job === undefined) return;
      this.pendingBytes -= job.bytes;
      if (this.#jobs.length === 0) worker.unref();
      job.resolve(result);
    });
    worker.on('error', (error) => this.#fail(error));
    worker.on('exit', () =>
      this.#fail(new Error('the compression thread ended')),
    );
    return worker;
  }

  #fail(error: unknown): void {
    this.#worker = undefined;
    this.pendingBytes = 0;
    for (const job of this.#jobs.splice(0)) job.reject(error);
  }
}

function payloadBytes(batch: CompressionBatch): number {
  let bytes = 0;
  for (const length of batch.lengths) bytes += length;
  return bytes;
}
