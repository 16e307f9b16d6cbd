import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const DISK_BYTES = 192 * 1024 * 1024;
const LAST_HOLDER_MS = 60_000;

/**
 * Cuts the power of the file system that it is given, at each line it reads: `EXT4_IOC_SHUTDOWN` without a flush of
 * the journal. Whatever wasn't synced is gone, and every call fails until it is mounted again.
 */
const CUTTER = `
import fcntl, os, struct, sys
for _ in sys.stdin:
    fd = os.open(sys.argv[1], os.O_RDONLY)
    fcntl.ioctl(fd, 0x8004587D, struct.pack("I", 2))
    os.close(fd)
    print(flush=True)
`;

/** An ext4 file system in a file, whose power can be cut. */
export class Ext4Disk implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'ext4-disk-'));
  readonly #image = join(this.#directory, 'image');
  /** Where it is mounted. */
  readonly path: string = join(this.#directory, 'mounted');
  #cutter: ChildProcess | undefined;

  private constructor() {
    writeFileSync(this.#image, '');
    truncateSync(this.#image, DISK_BYTES);
    mkdirSync(this.path);
  }

  /** @throws Error that says what the machine has not */
  static create(): Ext4Disk {
    const disk = new Ext4Disk();
    try {
      run('mkfs.ext4', ['-q', disk.#image]);
      disk.#mount();
      return disk;
    } catch (error) {
      disk[Symbol.dispose]();
      throw error;
    }
  }

  /** Why power can't be cut on this machine; `undefined` where it can. */
  static missing(): string | undefined {
    try {
      using disk = Ext4Disk.create();
      run('python3', ['-c', CUTTER, disk.path], '\n');
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** Cuts the power as soon as the helper is asked; resolves when it is off. */
  async cut(): Promise<void> {
    const cutter = this.#cutter!;
    cutter.stdin!.write('\n');
    await new Promise((resolve) => cutter.stdout!.once('data', resolve));
  }

  /** Lets the file system find an error in itself: it takes nothing more from then on, and those who write stay. */
  turnReadOnly(): void {
    run('mount', ['-o', 'remount,errors=remount-ro', this.path]);
    const device = run('findmnt', ['-n', '-o', 'SOURCE', this.path]);
    const trigger = join('/sys/fs/ext4', basename(device), 'trigger_fs_error');
    writeFileSync(trigger, 'by a test');
  }

  /** Turns the power on again: the journal is replayed. Nobody may have a file open. */
  restart(): void {
    this.#unmount();
    this.#mount();
  }

  [Symbol.dispose](): void {
    this.#unmount();
    rmSync(this.#directory, { recursive: true });
  }

  #mount(): void {
    run('mount', ['-o', 'loop', this.#image, this.path]);
    // Ready before it is needed: starting it takes longer than what is to be cut.
    this.#cutter = spawn('python3', ['-c', CUTTER, this.path], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  }

  #unmount(): void {
    if (this.#cutter === undefined) return;
    this.#cutter.kill('SIGKILL');
    this.#cutter = undefined;
    const device = run('findmnt', ['-n', '-o', 'SOURCE', this.path]);
    run('umount', [this.path]);
    awaitEnd(join('/sys/fs/ext4', basename(device)));
  }
}

/**
 * A mount namespace that any process made meanwhile has a copy of the mount, and the file system lives on, without power,
 * until the last of them ends. The kernel tells of each that lives.
 */
function awaitEnd(fileSystem: string): void {
  const end = Date.now() + LAST_HOLDER_MS;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  while (existsSync(fileSystem)) {
    if (Date.now() > end)
      throw new Error('a process with a mount namespace of its own holds it');
    Atomics.wait(pause, 0, 0, 20);
  }
}

/** Answers what it printed. */
function run(command: string, args: readonly string[], input = ''): string {
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    input,
  });
  if (error !== undefined) throw new Error(`no ${command}`, { cause: error });
  if (status !== 0) throw new Error(`${command}: ${stderr.trim()}`);
  return stdout.trim();
}
