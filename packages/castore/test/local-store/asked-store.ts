import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { BundledProgram } from '../support/bundled-program.ts';

/** How such a store is opened. */
export interface AskedStoreOptions {
  readonly packTargetBytes?: number;
  /** The program that runs it, and its arguments before those of Node: a tracer, or a shell that sets limits. */
  readonly under?: readonly string[];
}

/** A store in a process of its own, which is asked line by line: see `asked-store-program.ts`. */
export class AskedStore {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<unknown[]>;
  #stderr = '';

  constructor(
    program: BundledProgram,
    directory: string,
    { packTargetBytes = 20_000, under = [] }: AskedStoreOptions = {},
  ) {
    const [command, ...args] = [...under, process.execPath];
    args.push(program.file, directory, String(packTargetBytes));
    this.#child = spawn(command!, args, {
      stdio: 'pipe',
      // One thread, whose calls can be counted.
      env: { ...process.env, NODE_OPTIONS: '', UV_THREADPOOL_SIZE: '1' },
    });
    this.#child.stderr!.on(
      'data',
      (part: Buffer) => (this.#stderr += String(part)),
    );
    // It may be gone before it reads.
    this.#child.stdin!.on('error', () => {});
    this.#ended = once(this.#child, 'close');
    this.#lines = createInterface({ input: this.#child.stdout! })[
      Symbol.asyncIterator
    ]();
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** The next answer, the first of which is that of the opening; what it wrote to stderr where it ended instead. */
  async answer(): Promise<string> {
    const { value, done } = await this.#lines.next();
    return done === true ? `ended: ${this.#stderr}` : (value as string);
  }

  async ask(line: string): Promise<string> {
    this.#child.stdin!.write(`${line}\n`);
    return this.answer();
  }

  /** Asks it to close where it was opened. Resolves when it is gone: with its exit code, or the name of a signal. */
  async end(): Promise<unknown> {
    this.#child.stdin!.end('close\n');
    const [code, signal] = await this.#ended;
    return signal ?? code;
  }
}
