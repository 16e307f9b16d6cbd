import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { BundledProgram } from '../../../castore/test/support/bundled-program.ts';

/** The busy program, to be started again and again. */
export class BusyProgram implements Disposable {
  readonly #program = new BundledProgram(
    new URL('busy-program.ts', import.meta.url),
  );

  /** Starts it for one run on a store; it waits to be told to begin. */
  start(store: string, run: number): BusyProcess {
    return new BusyProcess(
      spawn(process.execPath, [this.#program.file, store, String(run)], {
        stdio: ['pipe', 'pipe', 'pipe'],
      }),
    );
  }

  [Symbol.dispose](): void {
    this.#program[Symbol.dispose]();
  }
}

/** How a run ended. */
export interface BusyEnd {
  /** Complete ones: the last may have been cut off. */
  readonly told: readonly string[];
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** One run of the busy program. */
export class BusyProcess {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown[]>;
  #stdout = '';
  #stderr = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#closed = once(child, 'close');
    child.stderr!.on('data', (part: Buffer) => (this.#stderr += String(part)));
    // It may be dead before it reads.
    child.stdin!.on('error', () => {});
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Resolves when it has started up. */
  async waiting(): Promise<void> {
    await once(this.#child.stdout!, 'data');
  }

  /** Lets it begin, and calls back as soon as it told so many lines. */
  begin(lines: number, then: () => void): void {
    let left = lines;
    this.#child.stdout!.on('data', (part: Buffer) => {
      this.#stdout += part.toString('latin1');
      if (left <= 0) return;
      for (const byte of part) if (byte === 0x0a) left -= 1;
      if (left <= 0) then();
    });
    this.#child.stdin!.end('\n');
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Resolves when it is gone and all that it told was read. */
  async ended(): Promise<BusyEnd> {
    const [code, signal] = (await this.#closed) as [
      BusyEnd['code'],
      BusyEnd['signal'],
    ];
    const told = this.#stdout.split('\n').slice(0, -1);
    return { told, code, signal, stderr: this.#stderr };
  }
}
