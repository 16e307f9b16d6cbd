import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FuseMount, MountFuseOptions } from '../../../dist/fuse/index.js';
import { mountFuse } from '../../../dist/fuse/index.js';

/** A mount of a test has this long, in milliseconds, before its connection is cut. */
const PATIENCE_MS = 20_000;

type Omitted<T> = T extends unknown ? Omit<T, 'mountPoint'> : never;

/** The mounts of a test, all of which are gone afterwards, whatever happened. */
export class Mounts {
  readonly #points: string[] = [];
  readonly #open: FuseMount[] = [];
  readonly #children: ChildProcess[] = [];

  /** An empty directory to mount on. */
  async point(): Promise<string> {
    const point = await mkdtemp(join(tmpdir(), 'tvix-fs-'));
    this.#points.push(point);
    return point;
  }

  async mount(options: Omitted<MountFuseOptions>): Promise<FuseMount> {
    const mountPoint = await this.point();
    const mount = await mountFuse({
      ...options,
      mountPoint,
    } as MountFuseOptions);
    this.#open.push(mount);
    return mount;
  }

  /** Starts a program that ends with the test at the latest. */
  start(command: string, args: readonly string[]): ChildProcess {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#children.push(child);
    return child;
  }

  /** Ends everything. Unmounting by force comes last: it does nothing where all went well. */
  async clear(): Promise<void> {
    for (const child of this.#children.splice(0)) child.kill('SIGKILL');
    for (const mount of this.#open.splice(0)) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, PATIENCE_MS);
      });
      await Promise.race([mount.close().catch(() => undefined), late]);
      clearTimeout(timer);
    }
    for (const point of this.#points.splice(0)) {
      await shell(
        `umount -f ${point} 2>/dev/null; umount -l ${point} 2>/dev/null; true`,
      );
      await rmdir(point);
    }
  }
}

/** What a shell script says on stdout. It is killed when it hangs; a failure throws with what it said on stderr. */
export function shell(
  script: string,
  timeout: number = PATIENCE_MS,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout, killSignal: 'SIGKILL' } as const;
    execFile(
      'sh',
      ['-c', script],
      { ...options, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${error.message}\n${stderr}`));
      },
    );
  });
}
