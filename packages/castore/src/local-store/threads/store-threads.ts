import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type {
  CompressedBatch,
  CompressionBatch,
} from '../compression/compress-batch.ts';
import type { ReadBatch } from '../read/read-batch.ts';

/** Settings of {@link StoreThreads}. */
export interface StoreThreadsOptions {
  /** Zstandard's level, see `CompressorOptions`. */
  readonly level: number;
  /** How many; left out: one for each core, one to four. There are none where the built worker isn't found. */
  readonly threads?: number | undefined;
  /** As `LocalStoreOptions.threadNiceness`. */
  readonly niceness?: number | undefined;
}

/** What a thread is started with. */
export interface ThreadSettings {
  readonly level: number;
  readonly niceness: number;
}

/** What a thread is asked for. */
export type ThreadQuestion =
  | { readonly type: 'compress'; readonly batch: CompressionBatch }
  | { readonly type: 'read'; readonly batch: ReadBatch };

const MAX_THREADS = 4;

/** Built code has it beside this file; TypeScript sources, which Node 20 can't load into a worker, don't. */
const WORKER = new URL('./worker.js', import.meta.url);

/** The threads beside the calling one that do a store's work on bytes: compressing what comes in, reading what goes out. */
export class StoreThreads {
  readonly #threads: readonly StoreThread[];

  constructor({ level, threads, niceness = 0 }: StoreThreadsOptions) {
    const wanted = threads ?? Math.min(MAX_THREADS, availableParallelism());
    const count = existsSync(WORKER) ? wanted : 0;
    const settings = { level, niceness };
    this.#threads = Array.from(
      { length: count },
      () => new StoreThread(settings),
    );
  }

  /** Whether there are none: nothing may be asked of them then. */
  get isEmpty(): boolean {
    return this.#threads.length === 0;
  }

  /** Compresses payloads where they lie: `bytes` in all. */
  compress(batch: CompressionBatch, bytes: number): Promise<CompressedBatch> {
    return this.#least.ask({ type: 'compress', batch }, bytes);
  }

  /** Reads payloads to their places: `bytes` in all. Answers with a byte for each, 1 where it is there. */
  read(batch: ReadBatch, bytes: number): Promise<Uint8Array> {
    return this.#least.ask({ type: 'read', batch }, bytes);
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  get #least(): StoreThread {
    let least = this.#threads[0]!;
    for (const thread of this.#threads)
      if (thread.pendingBytes < least.pendingBytes) least = thread;
    return least;
  }
}

interface Job {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly bytes: number;
}

/** One thread; answers come in the order of the questions. Started at the first, and no reason for the process to live. */
class StoreThread {
  readonly #settings: ThreadSettings;
  readonly #jobs: Job[] = [];
  #worker: Worker | undefined;
  pendingBytes = 0;

  constructor(settings: ThreadSettings) {
    this.#settings = settings;
  }

  ask<Answer>(question: ThreadQuestion, bytes: number): Promise<Answer> {
    const worker = (this.#worker ??= this.#start());
    this.pendingBytes += bytes;
    return new Promise<Answer>((resolve, reject) => {
      this.#jobs.push({
        resolve: resolve as (answer: unknown) => void,
        reject,
        bytes,
      });
      worker.ref();
      worker.postMessage(question);
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(WORKER, {
      workerData: this.#settings,
      // Flags that are for the program's own entry alone, as --input-type is, would end a thread at once.
      execArgv: [],
      // What it makes is short-lived and small: left to itself, room for that would grow to 48 MiB.
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
    });
    worker.unref();
    worker.on('message', (answer: unknown) => {
      const job = this.#jobs.shift();
      if (job === undefined) return;
      this.pendingBytes -= job.bytes;
      if (this.#jobs.length === 0) worker.unref();
      job.resolve(answer);
    });
    worker.on('error', (error) => this.#fail(worker, error));
    worker.on('exit', () =>
      this.#fail(worker, new Error('a thread of the store ended')),
    );
    return worker;
  }

  #fail(worker: Worker, error: unknown): void {
    // One that failed ends, too, when another may have taken its place.
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.pendingBytes = 0;
    for (const job of this.#jobs.splice(0)) job.reject(error);
  }
}
