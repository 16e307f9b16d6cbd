import { readFile, realpath, stat, statfs, writeFile } from 'node:fs/promises';
import { FsError } from '../errors.ts';
import { run } from './run.ts';

/** What a mount gives whose server is gone. */
const STALE = new Set(['ENOTCONN', 'ECONNABORTED']);

/**
 * The real path of a directory to mount on. A mount that a killed server left there is cleared away first.
 *
 * @throws FsError `fs/bad-mount-point`
 */
export async function prepareMountPoint(path: string): Promise<string> {
  try {
    await statfs(path).catch((error: NodeJS.ErrnoException) => {
      if (!STALE.has(error.code ?? '')) throw error;
      return detach(path);
    });
    const real = await realpath(path);
    if ((await stat(real)).isDirectory()) return real;
  } catch (cause) {
    throw new FsError(
      'fs/bad-mount-point',
      `${path} can't be mounted on: ${(cause as Error).message}`,
      { cause },
    );
  }
  throw new FsError('fs/bad-mount-point', `${path} is not a directory`);
}

/**
 * Unmounts: cleanly where nobody uses it, and otherwise out of everybody's sight, so that it ends when the last user
 * leaves.
 *
 * @throws FsError `fs/unmount-failed`
 */
export async function detach(path: string): Promise<void> {
  const attempts: readonly (readonly string[])[] =
    process.getuid?.() === 0
      ? [
          ['umount', '-i', '--', path],
          ['umount', '-i', '-l', '--', path],
        ]
      : [
          ['fusermount3', '-u', '--', path],
          ['fusermount3', '-u', '-z', '--', path],
        ];
  let message = '';
  for (const [command, ...args] of attempts) {
    const result = await run(command!, args);
    if (result.status === 0 || /not mounted|not found in/.test(result.message))
      return;
    message = result.message;
  }
  throw new FsError('fs/unmount-failed', `unmounting ${path}: ${message}`);
}

/** As much as the kernel reads ahead, for which it needs more than its usual 128 KiB. */
const READ_AHEAD_KIB = 512;

/** Lets the kernel read further ahead. Needs root; where it fails, reads are just smaller. */
export async function raiseReadAhead(path: string): Promise<void> {
  try {
    const mounts = await readFile('/proc/self/mountinfo', 'utf8');
    const escaped = path.replaceAll(
      /[ \t\n\\]/g,
      (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`,
    );
    const device = mounts
      .split('\n')
      .map((line) => line.split(' '))
      .findLast((fields) => fields[4] === escaped)?.[2];
    if (device === undefined) return;
    await writeFile(
      `/sys/class/bdi/${device}/read_ahead_kb`,
      `${READ_AHEAD_KIB}`,
    );
  } catch {
    // Not root, or no sysfs here.
  }
}
