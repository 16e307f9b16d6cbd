import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { PROGRAM } from './program.ts';

/** A running `tvix-store virtiofs`. */
export class VirtiofsProcess {
  /** Everything that it logged, a line each. */
  readonly log: string[] = [];
  readonly child: ChildProcess;
  readonly #exited: Promise<number | null>;

  private constructor(args: readonly string[]) {
    this.child = spawn(
      process.execPath,
      [PROGRAM, '--json', 'virtiofs', ...args],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#exited = once(this.child, 'exit').then(
      ([code]) => code as number | null,
    );
  }

  /** Starts it, and waits until it says that it listens. */
  static async start(args: readonly string[]): Promise<VirtiofsProcess> {
    const process = new VirtiofsProcess(args);
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: process.child.stderr! }).on('line', (text) => {
        process.log.push(text);
        if (/"msg":"listening"/.test(text)) resolve();
      });
      void process.#exited.then((code) =>
        reject(new Error(`ended with ${code}\n${process.log.join('\n')}`)),
      );
    });
    return process;
  }

  /** Asks it to end, and answers its exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return this.#exited;
  }
}
