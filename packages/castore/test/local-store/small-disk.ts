import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A file system in memory that fills up soon. */
export class SmallDisk implements Disposable {
  /** Where it is mounted. */
  readonly path: string = fs.mkdtempSync(path.join(os.tmpdir(), 'small-disk-'));

  private constructor() {}

  /** @throws Error that says what the machine has not */
  static create(bytes: number): SmallDisk {
    const disk = new SmallDisk();
    try {
      mount('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', disk.path);
    } catch (error) {
      fs.rmdirSync(disk.path);
      throw error;
    }
    return disk;
  }

  /** Why there is none on this machine; `undefined` where there is. */
  static missing(): string | undefined {
    try {
      SmallDisk.create(4096)[Symbol.dispose]();
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** Takes all room that is left; answers with what gives it back. */
  fill(): () => void {
    const file = path.join(this.path, 'ballast');
    const fd = fs.openSync(file, 'w');
    const block = Buffer.alloc(4096);
    while (isWritten(() => fs.writeSync(fd, block)));
    fs.closeSync(fd);
    return () => fs.rmSync(file);
  }

  /** Takes all inodes that are left; answers with what gives them back. */
  fillInodes(): () => void {
    const directory = path.join(this.path, 'inodes');
    fs.mkdirSync(directory);
    const inodes = 2 + fs.readdirSync(this.path, { recursive: true }).length;
    mount('mount', '-o', `remount,nr_inodes=${inodes + 8}`, this.path);
    for (let i = 0; ; i += 1) {
      const file = path.join(directory, String(i));
      if (!isWritten(() => fs.closeSync(fs.openSync(file, 'w')))) break;
    }
    return () => fs.rmSync(directory, { recursive: true });
  }

  /** Lets nobody write any more, or everybody. Nobody may have a file open for writing. */
  remount(mode: 'ro' | 'rw'): void {
    mount('mount', '-o', `remount,${mode}`, this.path);
  }

  [Symbol.dispose](): void {
    // Where it couldn't write a lock, lmdb keeps the file open that it read (3.5.6).
    mount('umount', '--lazy', this.path);
    fs.rmdirSync(this.path);
  }
}

function isWritten(write: () => void): boolean {
  try {
    write();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    return false;
  }
}

function mount(command: string, ...args: string[]): void {
  const { error, status, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
  });
  if (error !== undefined) throw new Error(`no ${command}`, { cause: error });
  if (status !== 0) throw new Error(`${command}: ${stderr.trim()}`);
}
