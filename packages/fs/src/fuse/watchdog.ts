import { spawn } from 'node:child_process';

/**
 * Waits for the end of its standard input, which comes when this process is gone, however it went. Unmounts then, but
 * only what is dead: `stat -f` asks the server, whatever the kernel remembers, so that a mount that has taken the
 * place meanwhile stays.
 */
const SCRIPT = `read -r line && exit
stat -f -- "$1" >/dev/null 2>&1 && exit
umount -i -l -- "$1" 2>/dev/null || fusermount3 -u -z -- "$1"`;

/** A process of its own that unmounts when this one is killed. */
export class Watchdog {
  readonly #child: ReturnType<typeof spawn>;

  constructor(mountPoint: string) {
    this.#child = spawn('sh', ['-c', SCRIPT, 'tvix-fs-watchdog', mountPoint], {
      // A session of its own: Ctrl-C is for the server.
      detached: true,
      cwd: '/',
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    // Without it, only the clearing up after a kill is missing.
    this.#child.on('error', () => undefined);
    this.#child.stdin?.on('error', () => undefined);
    this.#child.unref();
    (this.#child.stdin as { unref?(): void } | null)?.unref?.();
  }

  /** The mount was ended by others. */
  dismiss(): void {
    this.#child.stdin?.end('done\n');
  }
}
