import { Worker } from 'node:worker_threads';
import { FileElsewhere } from './file-elsewhere.ts';
import type { ThreadLink } from './file-elsewhere.ts';
import type { UnpackOptions } from './packed-file.ts';
import type { FromThread } from './thread-messages.ts';
import { measured } from './unpack.ts';
import type { Unpacking } from './unpack.ts';

/** One thread that unpacks files, any number at a time. Started at the first, and no reason for the process to live. */
export class UnpackingThread {
  readonly #code: URL;
  #worker: Worker | undefined;
  readonly #files = new Map<number, FileElsewhere>();
  #lastId = 0;

  constructor(code: URL) {
    this.#code = code;
  }

  /** How many files are being unpacked. */
  get fileCount(): number {
    return this.#files.size;
  }

  /** As `unpack` does. The memory of pieces that have some of their own goes over to the thread. */
  unpack(
    file: AsyncIterable<Uint8Array>,
    options: UnpackOptions,
    messageBytes: number,
  ): Unpacking {
    const worker = (this.#worker ??= this.#start());
    const tell: ThreadLink['tell'] = (message, moved = []) =>
      worker.postMessage(message, moved);
    const elsewhere: FileElsewhere = new FileElsewhere(file, messageBytes, {
      open: () => {
        const id = (this.#lastId += 1);
        this.#files.set(id, elsewhere);
        worker.ref();
        tell({ type: 'open', id, options, messageBytes });
        return id;
      },
      tell,
      close: (id) => {
        this.#files.delete(id);
        if (this.#files.size === 0) worker.unref();
      },
    });
    return measured(elsewhere);
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(this.#code, {
      // Flags that are for the program's own entry alone, as --input-type is, would end a thread at once.
      execArgv: [],
    });
    worker.unref();
    worker.on('message', (message: FromThread) => {
      // Of a file that nobody wants any more, the rest is dropped with the memory that it lies in.
      this.#files.get(message.id)?.hear(message);
    });
    worker.on('error', (error) => this.#fail(worker, error));
    worker.on('exit', () =>
      this.#fail(worker, new Error('a thread that unpacks files ended')),
    );
    return worker;
  }

  #fail(worker: Worker, error: unknown): void {
    // One that failed ends, too, when another may have taken its place.
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const file of [...this.#files.values()]) file.fail(error);
  }
}
