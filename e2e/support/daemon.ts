import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Interface } from 'node:readline';
import { PROGRAM } from './program.ts';

/** A running daemon of its own process. */
export class Daemon {
  readonly child: ChildProcess;
  /** Everything that it logged, a line each. */
  readonly log: string[];
  readonly #lines: Interface;
  readonly #exited: Promise<number | null>;

  private constructor(child: ChildProcess, log: string[]) {
    this.child = child;
    this.log = log;
    this.#lines = createInterface({ input: child.stderr! });
    this.#exited = once(child, 'exit').then(([code]) => code as number | null);
  }

  /** Starts a daemon and waits until it says that it listens. */
  static async start(
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<Daemon> {
    const child = spawn(
      process.execPath,
      [PROGRAM, '--json', 'daemon', ...args],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, ...env },
      },
    );
    const log: string[] = [];
    const daemon = new Daemon(child, log);
    await new Promise<void>((resolve, reject) => {
      daemon.#lines.on('line', (text) => {
        log.push(text);
        if (/"msg":"listening"/.test(text)) resolve();
      });
      void daemon.#exited.then((code) =>
        reject(new Error(`the daemon ended with ${code}\n${log.join('\n')}`)),
      );
    });
    return daemon;
  }

  /** The lines of the log that match, once there are so many: what is answered may be logged a little later. */
  async logged(pattern: RegExp, count: number): Promise<string[]> {
    for (;;) {
      const found = this.log.filter((line) => pattern.test(line));
      if (found.length >= count) return found;
      await once(this.#lines, 'line');
    }
  }

  /** Its peak memory so far, in MiB: the most that was ever resident, as the kernel counted. */
  async peakMiB(): Promise<number> {
    return peakMiB(this.child.pid!);
  }

  /** What its open descriptors lead to; files that are open without a name end in ` (deleted)`. */
  openFiles(): string[] {
    const folder = `/proc/${this.child.pid}/fd`;
    return readdirSync(folder).flatMap((descriptor) => {
      try {
        return [readlinkSync(`${folder}/${descriptor}`)];
      } catch {
        // It was closed since it was listed.
        return [];
      }
    });
  }

  /** Asks it to end, and answers its exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
  }
}

/** The peak of a process's resident memory in MiB (VmHWM of proc(5)). */
export async function peakMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) / 1024;
}
