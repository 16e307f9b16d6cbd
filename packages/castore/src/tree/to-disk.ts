import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { CallOptions } from '../blob-service/blob-service.ts';
import { CastoreError } from '../errors.ts';
import type { DirectoryHandles } from './directory-handles.ts';
import { diskError, errnoOf } from './disk-error.ts';
import { eachBatch } from './each-batch.ts';
import type { TreeEvent, TreeEvents } from './event.ts';
import { TreeGrammar } from './grammar.ts';
import { Staging, STAGED_NAME } from './staging.ts';
import { SyncQueue } from './sync-queue.ts';

/** Options of {@link treeToDisk}. */
export interface TreeToDiskOptions extends CallOptions {
  /** Whether all is safe on the disk, power cuts included, when it answers. Much slower; off by default. */
  readonly durable?: boolean;
}

/**
 * Writes a tree to a path where nothing is yet.
 *
 * It is built under a temporary name beside the destination (`.tvix-*.tmp`, closed to other users) and takes the name
 * of the destination when it is complete, without ever replacing anything; on failure nothing stays. Files are 0644 or,
 * if executable, 0755, directories 0755, each less the process's umask; times are those of the writing. Writes never
 * leave the temporary directory: names can't hold a slash, no link is followed, and directories are held open rather
 * than found again by their paths (on systems with `/proc/self/fd`; elsewhere paths are used, which is as safe as the
 * directory is closed to others). The disk is written synchronously, with a turn of the event loop now and then.
 *
 * @throws CastoreError `castore/destination-exists`, `castore/unable-to-write`, `castore/no-space`, with the path in its
 *   message and, as bytes, in its details; as `ingestTree` for events that are no tree; and what the source throws
 */
export async function treeToDisk(
  events: TreeEvents,
  destination: string | Uint8Array,
  options: TreeToDiskOptions = {},
): Promise<void> {
  const signal = options.signal ?? new AbortController().signal;
  signal.throwIfAborted();
  const path = Buffer.from(destination);
  const isDurable = options.durable === true;
  const staging = writing(path, () => new Staging(path));
  const writer = new TreeWriter(path, staging.handles, isDurable);
  try {
    await eachBatch(events, (batch) => writer.take(batch), signal);
    await writer.finish();
    const { isDirectory } = writer;
    writing(path, () => staging.publish({ isDirectory, isDurable }));
  } finally {
    await writer.close();
    staging.close();
  }
}

/** After how many events others get a turn. */
const EVENTS_A_TURN = 1024;

const FILE_FLAGS =
  constants.O_WRONLY |
  constants.O_CREAT |
  constants.O_EXCL |
  constants.O_NOFOLLOW;

const SLASH = Buffer.from('/');

class TreeWriter {
  readonly #destination: Buffer;
  readonly #handles: DirectoryHandles;
  readonly #syncs: SyncQueue | undefined;
  readonly #grammar = new TreeGrammar();
  /** The names on the way to the current directory, the staged name first. */
  readonly #way: Uint8Array[] = [];
  #name: Uint8Array = STAGED_NAME;
  #file: number | undefined;
  #isDirectory = false;
  #events = 0;

  constructor(
    destination: Buffer,
    handles: DirectoryHandles,
    isDurable: boolean,
  ) {
    this.#destination = destination;
    this.#handles = handles;
    this.#syncs = isDurable ? new SyncQueue() : undefined;
  }

  /** Whether the root is a directory. */
  get isDirectory(): boolean {
    return this.#isDirectory;
  }

  async take(batch: readonly TreeEvent[]): Promise<void> {
    for (const event of batch) {
      this.#grammar.accept(event);
      try {
        const busy = this.#write(event);
        if (busy !== undefined) await busy;
      } catch (error) {
        throw writeError(this.#shown(), error);
      }
      if (++this.#events % EVENTS_A_TURN === 0) await setImmediate();
    }
    await setImmediate();
  }

  async finish(): Promise<void> {
    this.#grammar.finish();
    try {
      await this.#syncs?.flush();
    } catch (error) {
      throw writeError(this.#destination, error);
    }
  }

  async close(): Promise<void> {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    await this.#syncs?.discard();
  }

  #write(event: TreeEvent): Promise<void> | undefined {
    const path = (): Buffer => this.#handles.path(this.#name);
    switch (event.type) {
      case 'entry':
        this.#name = event.name;
        return undefined;
      case 'symlink':
        symlinkSync(Buffer.from(event.target), path());
        return undefined;
      case 'directory':
        if (this.#way.length === 0) this.#isDirectory = true;
        mkdirSync(path(), 0o755);
        this.#handles.enter(this.#name);
        this.#way.push(this.#name);
        return undefined;
      case 'end':
        return this.#endDirectory();
      case 'regular':
        this.#file = openSync(
          path(),
          FILE_FLAGS,
          event.executable ? 0o755 : 0o644,
        );
        return event.size === 0n ? this.#endFile(this.#file) : undefined;
      case 'data':
        return event.bytes.length === 0
          ? undefined
          : this.#writeData(this.#file!, event.bytes);
    }
  }

  #writeData(file: number, bytes: Uint8Array): Promise<void> | undefined {
    for (let at = 0; at < bytes.length;)
      at += writeSync(file, bytes, at, bytes.length - at);
    return this.#grammar.contentsLeft === 0n ? this.#endFile(file) : undefined;
  }

  #endFile(file: number): Promise<void> | undefined {
    this.#file = undefined;
    if (this.#syncs !== undefined) return this.#syncs.add(file);
    closeSync(file);
    return undefined;
  }

  #endDirectory(): Promise<void> | undefined {
    const synced = this.#syncs?.add(
      openSync(this.#handles.here, constants.O_RDONLY),
    );
    this.#name = this.#way.pop()!;
    this.#handles.leave();
    return synced;
  }

  /** The path of the current name as people know it. */
  #shown(): Buffer {
    const names = [...this.#way, this.#name].slice(1);
    return Buffer.concat([
      this.#destination,
      ...names.flatMap((name) => [SLASH, name]),
    ]);
  }
}

function writing<T>(path: Uint8Array, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw writeError(path, error);
  }
}

function writeError(path: Uint8Array, cause: unknown): CastoreError {
  if (cause instanceof CastoreError) return cause;
  const isFull = ['ENOSPC', 'EDQUOT'].includes(errnoOf(cause));
  return diskError(
    isFull ? 'castore/no-space' : 'castore/unable-to-write',
    path,
    cause,
  );
}
