import { lstat, unlink } from 'node:fs/promises';
import { closeSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { ServiceBlobSource } from '../blob-source.ts';
import { CastoreFs } from '../castore-fs.ts';
import type { ViewOptions } from '../castore-fs.ts';
import { FsError } from '../errors.ts';
import type { Watch } from '../fuse/libc.ts';
import type { LiveServices } from '../fuse/services.ts';
import { SpillFile } from '../fuse/spill-file.ts';
import type { SpillOptions } from '../fuse/spill-file.ts';
import type { RequestFailure } from '../request-failures.ts';
import { Connection } from './connection.ts';
import { loadVirtiofsLibc } from './libc.ts';
import type { VirtiofsLibc } from './libc.ts';

/** What to show to virtual machines, and where they find it. */
export interface ServeVirtiofsOptions extends ViewOptions, LiveServices {
  /** The path of the unix socket. A socket that is there already is replaced. */
  readonly socket: string;
  /** Keeps contents of large files that are read out of order on disk, for all machines together. */
  readonly spill?: SpillOptions;
  /** Closes when it fires. */
  readonly signal?: AbortSignal;
  /**
   * Hears of each connection that ended badly: `fs/bad-front-end`, `fs/bad-guest`, or whatever a system call said. The
   * others are served on.
   */
  readonly onConnectionFailed?: (error: unknown) => void;
  /**
   * Hears of requests that were answered with EIO, which doesn't say why: the store failed, lacks something, or lies. Of
   * more than 10 in 10 seconds from one machine, only the number is told, with the next one.
   */
  readonly onRequestFailed?: (failure: RequestFailure) => void;
}

const EAGAIN = 11;
/** How long to wait with the next connection where there is no room for one, in milliseconds. */
const RETRY_MS = 1_000;

/**
 * Serves castore nodes as a read-only file system to virtual machines: the back-end of their vhost-user-fs devices.
 * Each machine that connects is served until it goes, through reboots; one that was restarted connects again.
 *
 * Serves from this thread's event loop, which is never blocked; no path of this machine is in the way of itself here,
 * as a mount would be.
 *
 * @throws FsError `fs/unsupported` without Linux or koffi, `fs/bad-socket`; the reason of the signal if it has fired
 */
export async function serveVirtiofs(
  options: ServeVirtiofsOptions,
): Promise<VirtiofsServer> {
  options.signal?.throwIfAborted();
  const libc = loadVirtiofsLibc();
  if (libc === undefined)
    throw new FsError(
      'fs/unsupported',
      process.platform === 'linux'
        ? 'virtiofs needs koffi, an optional dependency that is not installed here'
        : 'virtiofs needs Linux',
    );
  const listener = await listen(options.socket, libc);
  return new VirtiofsServer(listener, libc, options);
}

/** A socket that virtual machines are served at. */
export class VirtiofsServer implements AsyncDisposable {
  /** The path of the socket. */
  readonly socket: string;
  readonly #listener: Listener;
  readonly #libc: VirtiofsLibc;
  readonly #options: ServeVirtiofsOptions;
  readonly #blobs: ServiceBlobSource;
  readonly #spill: SpillFile;
  readonly #connections = new Set<Connection>();
  /** File systems without a machine, with all that they have cached. */
  readonly #idle: CastoreFs[] = [];
  readonly #abort = (): void => void this.close().catch(() => undefined);
  #watch: Watch | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  /** For {@link serveVirtiofs}. */
  constructor(
    listener: Listener,
    libc: VirtiofsLibc,
    options: ServeVirtiofsOptions,
  ) {
    this.socket = options.socket;
    this.#listener = listener;
    this.#libc = libc;
    this.#options = options;
    this.#blobs = new ServiceBlobSource(options.blobs);
    this.#spill = new SpillFile(options.spill);
    options.signal?.addEventListener('abort', this.#abort, { once: true });
    this.#listen();
    if (options.signal?.aborted === true) this.#abort();
  }

  /** How many virtual machines are connected. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Hangs up on every machine, takes the socket away, and resolves when all is freed. A second call waits for the first. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #listen(): void {
    this.#watch = this.#libc.watch(this.#listener.fd, () => this.#accept());
  }

  #accept(): void {
    const fd = this.#libc.accept(this.#listener.fd);
    if (fd >= 0) return this.#serve(fd);
    const error = getSystemErrorName(fd);
    if (fd === -EAGAIN || error === 'EINTR' || error === 'ECONNABORTED') return;
    // No descriptors or no memory: there may be some when another connection has ended.
    this.#watch?.close();
    this.#retry = setTimeout(() => this.#listen(), RETRY_MS);
  }

  #serve(fd: number): void {
    const fs =
      this.#idle.pop() ??
      new CastoreFs({
        ...this.#options,
        blobs: this.#blobs,
        spill: this.#spill,
      });
    const connection = new Connection(fd, this.#libc, fs);
    this.#connections.add(connection);
    void connection.ended.then((reason) => {
      this.#connections.delete(connection);
      this.#idle.push(fs);
      if (reason !== undefined) this.#options.onConnectionFailed?.(reason);
    });
  }

  async #close(): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#watch?.close();
    clearTimeout(this.#retry);
    closeSync(this.#listener.fd);
    for (const connection of this.#connections) connection.close();
    await removeSocket(this.socket, this.#listener.ino);
    this.#spill.close();
    await this.#blobs.close();
  }
}

/** A socket that listens. */
interface Listener {
  readonly fd: number;
  /** Which file it is, as another process may have put its own there. */
  readonly ino: bigint;
}

async function listen(path: string, libc: VirtiofsLibc): Promise<Listener> {
  await removeSocket(path);
  const fd = libc.listen(Buffer.from(path));
  if (fd < 0) throw cannotListen(path, getSystemErrorName(fd));
  const { ino } = await lstat(path, { bigint: true });
  return { fd, ino };
}

/** Removes a socket, and nothing else. */
async function removeSocket(path: string, onlyIno?: bigint): Promise<void> {
  try {
    const stat = await lstat(path, { bigint: true });
    if (onlyIno !== undefined && stat.ino !== onlyIno) return;
    if (stat.isSocket()) await unlink(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw cannotListen(path, code, cause);
  }
}

function cannotListen(
  path: string,
  reason: string | undefined,
  cause?: unknown,
): FsError {
  return new FsError('fs/bad-socket', `cannot listen at ${path}: ${reason}`, {
    cause,
    path,
  });
}
