import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { line, runProgram } from './program.ts';

/** No guest may take longer, whatever happens in it. */
const TIMEOUT_MS = 120_000;
/** What the kernel takes as its command line is 2 KiB; the script in it is in hexadecimal. */
const MAX_SCRIPT_BYTES = 900;

/** The package that depends on Debian's current kernel. */
const KERNEL = 'linux-image-amd64';

/** What is missing here to run guests: names of programs and packages, or of the platform. */
export function missingForGuests(): string[] {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return ['Linux on x86-64'];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const programs = ['qemu-system-x86_64', 'busybox', 'cpio', 'dpkg', 'apt-get'];
  const missing = programs.filter(
    (program) => !folders.some((folder) => existsSync(join(folder, program))),
  );
  const { status } = spawnSync('apt-cache', ['show', KERNEL]);
  return status === 0 ? missing : [...missing, `Debian's ${KERNEL}`];
}

/** Makes the guest's kernel and file system, once on a machine. */
export function makeGuest(): Promise<string> {
  const script = new URL('../guest/make-guest.sh', import.meta.url);
  return line(runProgram(fileURLToPath(script), []));
}

export interface GuestOptions {
  /** The folder of {@link makeGuest}. */
  readonly folder: string;
  /** The socket of a file system, which the guest mounts at /mnt. */
  readonly socket: string;
  /** What the guest's shell does before it powers off. */
  readonly script: string;
  readonly memory?: string;
  /** Whether a guest that reboots comes back. Default: qemu ends. */
  readonly mayReboot?: boolean;
}

/** A virtual machine without acceleration, so that it runs wherever tests run. */
export class Guest {
  /** What came over the serial line. */
  output = '';
  /** Resolves with qemu's exit code; null where it was killed, as it is after two minutes. */
  readonly ended: Promise<number | null>;
  readonly #qemu: ChildProcess;
  readonly #waiters = new Set<() => void>();

  constructor(options: GuestOptions) {
    this.#qemu = spawn('qemu-system-x86_64', argumentsFor(options), {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    for (const stream of [this.#qemu.stdout!, this.#qemu.stderr!])
      stream.on('data', (chunk: Buffer) => {
        this.output += chunk.toString().replaceAll('\r', '');
        for (const waiter of this.#waiters) waiter();
      });
    this.ended = new Promise((resolve, reject) => {
      this.#qemu.on('error', reject);
      this.#qemu.on('close', (code) => resolve(code));
    });
  }

  /** Resolves once the guest has said that so often. */
  async said(text: string, times = 1): Promise<void> {
    const heard = new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.output.split(text).length > times) resolve();
      };
      this.#waiters.add(look);
      look();
    });
    const silence = this.ended.then(() => {
      throw new Error(`the guest never said "${text}":\n${this.output}`);
    });
    await Promise.race([heard, silence]);
  }

  /** The lines that the guest's script wrote, once it has powered off. */
  async lines(): Promise<string[]> {
    const code = await this.ended;
    const found = /guest: mounted\n(.*)^guest: done$/ms.exec(this.output);
    if (code !== 0 || found === null)
      throw new Error(`qemu ended with ${code}:\n${this.output}`);
    return found[1]!.split('\n').filter((text) => text !== '');
  }

  /** Pulls the plug. */
  async kill(): Promise<void> {
    this.#qemu.kill('SIGKILL');
    await this.ended;
  }
}

function argumentsFor(options: GuestOptions): string[] {
  const { folder, socket, script, memory = '512M' } = options;
  const code = Buffer.from(script);
  if (code.length > MAX_SCRIPT_BYTES)
    throw new RangeError(`a script of ${code.length} bytes`);
  return [
    ['-machine', 'q35,accel=tcg,memory-backend=memory'],
    ['-cpu', 'max'],
    ['-m', memory],
    ['-object', `memory-backend-memfd,id=memory,size=${memory},share=on`],
    ['-chardev', `socket,id=tvix,path=${socket}`],
    ['-device', 'vhost-user-fs-pci,queue-size=1024,chardev=tvix,tag=tvix'],
    ['-kernel', join(folder, 'vmlinuz')],
    ['-initrd', join(folder, 'initrd.img')],
    [
      '-append',
      `console=ttyS0 panic=-1 quiet guest.script=${code.toString('hex')}`,
    ],
    ['-nographic', '-nodefaults', '-serial', 'stdio'],
    options.mayReboot === true ? [] : ['-no-reboot'],
  ].flat();
}
