import { writev } from 'node:fs';
import { CliError } from './errors.ts';

const LINE_FEED = new Uint8Array([0x0a]);
/** Lines are gathered up to this, or until the event loop turns. */
const BUFFER_BYTES = 64 * 1024;
/** How long to wait for a reader of a pipe that was made non-blocking by whoever shares it. */
const RETRY_MS = 1;

/** The results of a command: standard output, written in order and with nothing else on it. */
export interface Output {
  /** Adds a line of raw bytes, or of text as UTF-8. Resolves when more is welcome. */
  line(text: string | Uint8Array): Promise<void>;
  /** Adds a line with one JSON value. */
  json(value: unknown): Promise<void>;
  /** Writes bytes as they are. They aren't kept after it resolves. */
  write(chunks: readonly Uint8Array[]): Promise<void>;
  /** Resolves when everything is written. */
  flush(): Promise<void>;
}

/**
 * Writes to a file descriptor, on a thread of its own: a reader that pauses stops the command, but not the program.
 *
 * Every method throws CliError `cli/output-closed` once the reader has gone, and `cli/io` on any other failure.
 */
export class DescriptorOutput implements Output {
  readonly #fd: number;
  #lines: Uint8Array[] = [];
  #lineBytes = 0;
  #isScheduled = false;
  #writing: Promise<void> = Promise.resolve();

  constructor(fd: number) {
    this.#fd = fd;
  }

  async line(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    this.#lines.push(bytes, LINE_FEED);
    this.#lineBytes += bytes.length + 1;
    if (this.#lineBytes >= BUFFER_BYTES) return this.flush();
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      // Whoever writes or flushes next gets the failure.
      this.flush().catch(() => {});
    });
  }

  json(value: unknown): Promise<void> {
    return this.line(JSON.stringify(value));
  }

  write(chunks: readonly Uint8Array[]): Promise<void> {
    this.#lines.push(...chunks);
    return this.flush();
  }

  flush(): Promise<void> {
    const chunks = this.#lines;
    this.#lines = [];
    this.#lineBytes = 0;
    this.#writing = this.#writing.then(() => this.#writeAll(chunks));
    return this.#writing;
  }

  async #writeAll(chunks: readonly Uint8Array[]): Promise<void> {
    let left = chunks.filter((chunk) => chunk.length > 0);
    while (left.length > 0) {
      const written = await this.#writeSome(left);
      left = dropBytes(left, written);
    }
  }

  /** How many bytes were taken; 0 where nothing is welcome yet. */
  #writeSome(chunks: readonly Uint8Array[]): Promise<number> {
    return new Promise((resolve, reject) => {
      writev(this.#fd, chunks as Uint8Array[], (error, written) => {
        if (error === null) resolve(written);
        else if (error.code === 'EAGAIN') setTimeout(resolve, RETRY_MS, 0);
        else reject(outputFailure(error));
      });
    });
  }
}

/** What a failed write to standard output means. */
export function outputFailure(cause: NodeJS.ErrnoException): CliError {
  return cause.code === 'EPIPE'
    ? new CliError('cli/output-closed', 'nobody reads the output any more', {
        cause,
      })
    : new CliError('cli/io', `cannot write the output: ${cause.message}`, {
        cause,
      });
}

/** What is left of the chunks after so many bytes. */
export function dropBytes(
  chunks: readonly Uint8Array[],
  count: number,
): Uint8Array[] {
  let index = 0;
  while (index < chunks.length && count >= chunks[index]!.length)
    count -= chunks[index++]!.length;
  const left = chunks.slice(index);
  if (count > 0) left[0] = left[0]!.subarray(count);
  return left;
}
