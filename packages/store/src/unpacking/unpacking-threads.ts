import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { rejoined } from '../compression/rejoined.ts';
import { messageSize } from './message-size.ts';
import type { UnpackOptions } from './packed-file.ts';
import { unpack } from './unpack.ts';
import type { Unpacker, Unpacking } from './unpack.ts';
import { UnpackingThread } from './unpacking-thread.ts';

/** Settings of {@link UnpackingThreads}. */
export interface UnpackingThreadsOptions {
  /** How many at most; left out: one for each core, one to four. */
  readonly threads?: number;
  /** The code of a thread, where it isn't what was built beside this file. */
  readonly worker?: URL;
}

const MAX_THREADS = 4;

/** Built code has it beside this file; TypeScript sources, which Node 20 can't load into a worker, don't. */
const WORKER = new URL('./worker.js', import.meta.url);

/** A file up to this length is unpacked before a thread would have heard of it. */
const SHORT_BYTES = 64 * 1024;

/**
 * Unpacks files in threads beside the calling one, which has its time for other work: xz alone would take seconds of it.
 * Threads are started as they are needed, and no reason for the process to live. Short files are unpacked by the caller,
 * and so are all where the built worker isn't found: in code that runs from its TypeScript sources, or was bundled.
 */
export class UnpackingThreads implements Unpacker {
  readonly #worker: URL;
  readonly #most: number;
  readonly #threads: UnpackingThread[] = [];

  constructor({ threads, worker = WORKER }: UnpackingThreadsOptions = {}) {
    this.#worker = worker;
    this.#most = existsSync(worker)
      ? (threads ?? Math.min(MAX_THREADS, availableParallelism()))
      : 0;
  }

  unpack(file: AsyncIterable<Uint8Array>, options: UnpackOptions): Unpacking {
    if (this.#most === 0) return unpack(file, options);
    const pieces = file[Symbol.asyncIterator]();
    const unpackIn = (isShort: boolean, whole: AsyncIterable<Uint8Array>) =>
      isShort ? unpack(whole, options) : this.#unpackInThread(whole, options);
    let unpacking: Unpacking | undefined;
    async function* nar(): AsyncGenerator<Uint8Array, void, undefined> {
      const head: Uint8Array[] = [];
      let isShort = false;
      for (let bytes = 0; bytes <= SHORT_BYTES && !isShort;) {
        const { done, value } = await pieces.next();
        if (done === true) isShort = true;
        else bytes += head[head.push(value) - 1]!.length;
      }
      unpacking = unpackIn(isShort, rejoined(head, pieces));
      yield* unpacking.nar;
    }
    return {
      nar: nar(),
      outcome() {
        if (unpacking === undefined) throw new Error('the NAR was not read');
        return unpacking.outcome();
      },
    };
  }

  /** Ends the threads; what is being unpacked in them fails. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  #unpackInThread(
    file: AsyncIterable<Uint8Array>,
    options: UnpackOptions,
  ): Unpacking {
    const thread = this.#least;
    let files = 1;
    for (const { fileCount } of this.#threads) files += fileCount;
    return thread.unpack(file, options, messageSize(files));
  }

  /** The thread with the fewest files, a new one where all have some. */
  get #least(): UnpackingThread {
    const [first, ...others] = this.#threads;
    let least = first;
    for (const thread of others)
      if (thread.fileCount < least!.fileCount) least = thread;
    if (least?.fileCount === 0 || this.#threads.length === this.#most)
      return least!;
    const started = new UnpackingThread(this.#worker);
    this.#threads.push(started);
    return started;
  }
}
