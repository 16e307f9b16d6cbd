import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PROGRAM, runProgram } from './program.ts';

/** A mount that is older is taken away by force, so that whoever hangs in it gets an error. */
const HARD_LIMIT_MS = 100_000;

/** Who mounts. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** A running `tvix-store mount`. */
export class Mount {
  readonly point: string;
  readonly child: ChildProcess;
  /** Its exit code, `null` where a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Everything that it logged, a line each. */
  readonly log: string[] = [];
  readonly #limit: NodeJS.Timeout;

  private constructor(point: string, args: readonly string[], user?: User) {
    this.point = point;
    this.child = spawn(
      process.execPath,
      [PROGRAM, '--json', 'mount', point, ...args],
      { stdio: ['ignore', 'ignore', 'pipe'], cwd: '/', ...user },
    );
    this.exited = once(this.child, 'exit').then(([code]) => code as number);
    this.#limit = setTimeout(() => void this.#force(), HARD_LIMIT_MS);
  }

  /** Starts it, and waits until it says that it is mounted. */
  static async start(
    point: string,
    args: readonly string[],
    user?: User,
  ): Promise<Mount> {
    const mount = new Mount(point, args, user);
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: mount.child.stderr! }).on('line', (text) => {
        mount.log.push(text);
        if (/"msg":"mounted"/.test(text)) resolve();
      });
      void mount.exited.then(async (code) => {
        await mount[Symbol.asyncDispose]();
        reject(new Error(`it ended with ${code}\n${mount.log.join('\n')}`));
      });
    });
    return mount;
  }

  /** Asks it to end, and answers its exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return this.exited;
  }

  /** Takes it away, whatever state it is in. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#limit);
    await this.#force();
  }

  async #force(): Promise<void> {
    this.child.kill('SIGKILL');
    await unmountByForce(this.point);
  }
}

/** Places to mount on, all of which are free and gone afterwards. */
export class MountPoints {
  readonly #points: string[] = [];

  create(): string {
    const point = mkdtempSync(join(tmpdir(), 'tvix-e2e-mount-'));
    this.#points.push(point);
    return point;
  }

  async remove(): Promise<void> {
    for (const point of this.#points.splice(0)) {
      await unmountByForce(point);
      rmdirSync(point);
    }
  }
}

/** Whether something is mounted there. */
export function isMounted(point: string): boolean {
  return readFileSync('/proc/mounts', 'latin1').includes(` ${point} `);
}

/** Resolves when something holds; the test's time-out ends the wait. */
export async function until(
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  while (!(await holds()))
    await new Promise((resolve) => setImmediate(resolve));
}

async function unmountByForce(point: string): Promise<void> {
  if (!isMounted(point)) return;
  await runProgram('umount', ['-f', point]);
  await runProgram('umount', ['-l', point]);
}
