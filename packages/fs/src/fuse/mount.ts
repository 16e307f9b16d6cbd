import { FsError } from '../errors.ts';
import { attachAsRoot, attachAsUser } from './attach.ts';
import { loadLibc } from './libc.ts';
import type { KernelMountOptions } from './mount-options.ts';
import { detach, prepareMountPoint, raiseReadAhead } from './mount-point.ts';
import { FuseServer } from './server.ts';
import type { FuseServerListener } from './server.ts';
import type { LiveServices, ServicesModuleRef } from './services.ts';
import type { SessionOptions } from './session.ts';
import { Watchdog } from './watchdog.ts';

/** What to mount, where, and how. */
export interface MountOptions
  extends SessionOptions, KernelMountOptions, FuseServerListener {
  /** A directory. What is in it stays hidden until the end of the mount. */
  readonly mountPoint: string;
  /** Unmounts when it fires. */
  readonly signal?: AbortSignal;
}

/** Services at hand: what isn't cached is asked through a channel to the thread that mounts. */
export type MountFuseOptions = MountOptions &
  (
    | LiveServices
    /** Services that the serving thread opens for itself: faster, as nothing crosses threads. */
    | { readonly services: ServicesModuleRef }
  );

/** How long users of a mount that was closed have before they are cut off, in milliseconds. */
const GRACE_MS = 5_000;

/**
 * Mounts castore nodes as a read-only directory, served by a thread of its own. This thread may use the mount like any
 * other process, but must not be blocked for long where services are at hand: it answers for them.
 *
 * Mounts as root through `mount(8)`, as anybody else through `fusermount3`. If this process is killed, the mount goes
 * within a second.
 *
 * @throws FsError `fs/unsupported`, `fs/bad-mount-point`, `fs/mount-failed`, `fs/services-failed`; the reason of the
 *   signal if it has fired
 */
export async function mountFuse(options: MountFuseOptions): Promise<FuseMount> {
  const { signal } = options;
  signal?.throwIfAborted();
  if (process.platform !== 'linux')
    throw new FsError('fs/unsupported', 'FUSE mounts need Linux');
  const mountPoint = await prepareMountPoint(options.mountPoint);
  const server = await FuseServer.start(
    servicesOf(options),
    sessionOf(options),
    options,
  );
  let fd: number | undefined;
  try {
    const isRoot = process.getuid?.() === 0;
    fd = isRoot
      ? await attachAsRoot(mountPoint, options)
      : await attachAsUser(mountPoint, options, loadLibc());
    await server.serve(fd);
    if (isRoot) await raiseReadAhead(mountPoint);
    return new FuseMount(mountPoint, server, signal);
  } catch (error) {
    await server.terminate();
    if (fd !== undefined) await detach(mountPoint).catch(() => undefined);
    throw error;
  }
}

/** A mount that is being served. */
export class FuseMount implements AsyncDisposable {
  /** Its real path. */
  readonly mountPoint: string;
  /**
   * Resolves when the mount is gone, whoever unmounted it, and everything that it held is freed. Rejects with
   * `fs/server-died` when the serving thread failed; the mount is taken away then too.
   */
  readonly ended: Promise<void>;
  readonly #server: FuseServer;
  readonly #watchdog: Watchdog;
  #closing: Promise<boolean> | undefined;

  /** For {@link mountFuse}: the server of what is mounted there. */
  constructor(mountPoint: string, server: FuseServer, signal?: AbortSignal) {
    this.mountPoint = mountPoint;
    this.#server = server;
    this.#watchdog = new Watchdog(mountPoint);
    this.ended = this.#end();
    this.ended.catch(() => undefined);
    this.#closeAt(signal);
  }

  /**
   * Takes the mount away: at once where nobody uses it, and otherwise out of sight, so that open files go on working
   * until they are closed ({@link FuseMount.ended} waits for that).
   *
   * @throws FsError `fs/unmount-failed`
   */
  async unmount(): Promise<void> {
    await detach(this.mountPoint);
  }

  /**
   * Unmounts, waits a little for those who still use it, and then cuts them off: their next request fails with
   * ENOTCONN. The signal ends the wait. Answers whether nobody had to be cut off. A second call waits for the first.
   *
   * @throws FsError `fs/unmount-failed`, `fs/server-died`
   */
  close(options: { readonly signal?: AbortSignal } = {}): Promise<boolean> {
    return (this.#closing ??= this.#close(options.signal));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #closeAt(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const close = (): void => void this.close().catch(() => undefined);
    if (signal.aborted) return close();
    signal.addEventListener('abort', close, { once: true });
    const ended = (): void => signal.removeEventListener('abort', close);
    this.ended.then(ended, ended);
  }

  async #close(signal: AbortSignal | undefined): Promise<boolean> {
    await this.unmount();
    const haveAllLeft =
      signal?.aborted !== true && (await this.#patience(signal));
    this.#server.stop();
    await this.ended;
    return haveAllLeft;
  }

  /** Waits for the users, but not for long; answers whether all have left. */
  async #patience(signal: AbortSignal | undefined): Promise<boolean> {
    let stop = (): void => undefined;
    const over = new Promise<false>((resolve) => {
      stop = () => resolve(false);
    });
    const timer = setTimeout(stop, GRACE_MS);
    signal?.addEventListener('abort', stop);
    try {
      return await Promise.race([this.ended.then(() => true), over]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    }
  }

  async #end(): Promise<void> {
    try {
      await this.#server.ended;
    } catch (error) {
      void this.unmount().catch(() => undefined);
      throw error;
    } finally {
      this.#watchdog.dismiss();
    }
  }
}

/** Services in either form. */
export function servicesOf(
  options: MountFuseOptions,
): LiveServices | ServicesModuleRef {
  return 'services' in options ? options.services : options;
}

/** What goes to the thread: only data. */
export function sessionOf(options: SessionOptions): SessionOptions {
  return Object.fromEntries(
    SESSION_KEYS.filter((key) => options[key] !== undefined).map((key) => [
      key,
      options[key],
    ]),
  );
}

const SESSION_KEYS = [
  'listRoot',
  'xattrs',
  'rootTtlSeconds',
  'directoryCacheBytes',
  'blobCacheBytes',
  'passthrough',
  'spill',
  'withoutLibc',
] as const satisfies readonly (keyof SessionOptions)[];
