import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { CallOptions } from '../blob-service/blob-service.ts';
import { DiskBatch } from './disk-batch.ts';
import { DiskDirectory } from './disk-directory.ts';
import { diskError } from './disk-error.ts';
import type { DiskErrorCode } from './disk-error.ts';
import type { DiskWitness } from './disk-record.ts';
import type { IngestEvent, TreeEvent } from './event.ts';
import { identityOf } from './known-files.ts';
import type { KnownFiles } from './known-files.ts';

/** Options of {@link treeFromDisk}. */
export interface DiskTreeOptions extends CallOptions {
  /**
   * Whether whoever asks for the next batch is done with the bytes of the one before, as `ingestTree` is: all are read
   * into one buffer then.
   */
  readonly reusesBuffer?: boolean;
  /** Hears of what is found. */
  readonly witness?: DiskWitness;
}

/**
 * A file, symbolic link or directory on disk as a tree, names in bytewise order; links are never followed, not at the
 * path itself either. A file is executable if its owner may execute it; other modes, owners and times don't count.
 *
 * Bytes of a path that aren't UTF-8 need the path as bytes. The disk is read synchronously, about a MiB at a time, with
 * a turn of the event loop after each; memory doesn't grow with the tree but by the listings on the way down.
 *
 * @throws CastoreError `castore/unsupported-file-type` for sockets, devices and pipes, `castore/file-changed` where a
 *   file isn't what it was when its reading began, `castore/unable-to-stat`, `castore/unable-to-open`,
 *   `castore/unable-to-read`; each with the path in its message and, as bytes, in its details
 */
export function treeFromDisk(
  path: string | Uint8Array,
  options: DiskTreeOptions = {},
): AsyncGenerator<readonly TreeEvent[], void, undefined> {
  return inTurns(treeFromDiskSync(path, options), options.signal);
}

/** As {@link treeFromDisk}, for callers that have a thread of their own: never leaves it between the batches. */
export function treeFromDiskSync(
  path: string | Uint8Array,
  options: Omit<DiskTreeOptions, 'signal'> = {},
): Generator<readonly TreeEvent[], void, undefined> {
  // Where no files are known, none is told without its contents.
  return walk(path, options, undefined) as Generator<readonly TreeEvent[]>;
}

/** As {@link treeFromDisk}, but what is known isn't read: such files are told by their digests. */
export function changesFromDisk(
  path: string | Uint8Array,
  known: KnownFiles,
  options: DiskTreeOptions = {},
): AsyncGenerator<readonly IngestEvent[], void, undefined> {
  return inTurns(walk(path, options, known), options.signal);
}

async function* inTurns<T>(
  batches: Iterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void, undefined> {
  signal?.throwIfAborted();
  for (const batch of batches) {
    yield batch;
    await setImmediate();
    signal?.throwIfAborted();
  }
}

function* walk(
  path: string | Uint8Array,
  options: Omit<DiskTreeOptions, 'signal'>,
  known: KnownFiles | undefined,
): Generator<readonly IngestEvent[], void, undefined> {
  const walk = new DiskWalk(options, known);
  try {
    walk.start(Buffer.from(path));
    yield* walk.batches();
  } finally {
    walk.release();
  }
}

/** A regular file that is being read. */
interface OpenFile {
  readonly descriptor: number;
  readonly found: Stats;
  readonly shown: () => Uint8Array;
  left: number;
}

/** `O_NONBLOCK`: what was a file a moment ago may be a pipe by now, and opening that would wait for a writer. */
const OPEN_FLAGS =
  constants.O_RDONLY |
  constants.O_NOFOLLOW |
  constants.O_NONBLOCK |
  constants.O_NOCTTY;

class DiskWalk {
  readonly #batch: DiskBatch;
  readonly #witness: DiskWitness | undefined;
  readonly #known: KnownFiles | undefined;
  readonly #directories: DiskDirectory[] = [];
  #file: OpenFile | undefined;

  constructor(
    { reusesBuffer = false, witness }: Omit<DiskTreeOptions, 'signal'>,
    known: KnownFiles | undefined,
  ) {
    this.#batch = new DiskBatch(reusesBuffer);
    this.#witness = witness;
    this.#known = known;
  }

  start(path: Buffer): void {
    let stats: Stats;
    try {
      stats = lstatSync(path);
    } catch (cause) {
      throw diskError('castore/unable-to-open', path, cause);
    }
    if (stats.isDirectory()) this.#openDirectory(path);
    else this.#leaf(stats, path);
  }

  *batches(): Generator<readonly IngestEvent[], void, undefined> {
    for (;;) {
      if (this.#batch.isFull) yield this.#batch.take();
      if (this.#file !== undefined) this.#readFile(this.#file);
      else if (!this.#nextEntry()) break;
    }
    yield this.#batch.take();
  }

  release(): void {
    if (this.#file !== undefined) closeSync(this.#file.descriptor);
    for (const directory of this.#directories) directory.release();
  }

  /** Tells the next entry, or the end, of the innermost directory; `false` where none is open any more. */
  #nextEntry(): boolean {
    const directory = this.#directories.at(-1);
    if (directory === undefined) return false;
    const entry = directory.next();
    if (entry === undefined) {
      directory.close();
      this.#directories.pop();
      this.#witness?.end();
      this.#batch.push({ type: 'end' });
      return true;
    }
    const { name } = entry;
    this.#batch.push({ type: 'entry', name });
    if (entry.isDirectory()) this.#openDirectory(name, directory);
    else this.#leaf(entry, name, directory);
    return true;
  }

  #openDirectory(name: Uint8Array, parent?: DiskDirectory): void {
    const directory = new DiskDirectory(name, parent);
    this.#directories.push(directory);
    this.#witness?.directory(name, directory.found);
    this.#batch.push({ type: 'directory' });
  }

  #leaf(type: FileType, name: Buffer, parent?: DiskDirectory): void {
    const path = parent === undefined ? name : parent.path(name);
    const shown = (): Uint8Array =>
      parent === undefined ? name : parent.shown(name);
    if (type.isFile()) {
      const found =
        (this.#known && this.#tellKnown(this.#known, path)) ??
        this.#openFile(path, shown);
      this.#witness?.file(name, found);
    } else if (type.isSymbolicLink()) {
      const target = attempt('castore/unable-to-read', shown, () =>
        readlinkSync(path, { encoding: 'buffer' }),
      );
      this.#batch.push({ type: 'symlink', target });
    } else {
      throw diskError('castore/unsupported-file-type', shown());
    }
  }

  /** Answers with what it found; `undefined` for a file that must be read, or that can't be: opening it will tell why. */
  #tellKnown(known: KnownFiles, path: Buffer): Stats | undefined {
    let found: Stats;
    try {
      found = lstatSync(path);
    } catch {
      return undefined;
    }
    const digest = found.isFile() ? known.find(found) : undefined;
    if (digest === undefined) return undefined;
    const executable = isExecutable(found);
    const size = BigInt(found.size);
    this.#batch.push({ type: 'stored', executable, size, digest });
    return found;
  }

  #openFile(path: Buffer, shown: () => Uint8Array): Stats {
    const descriptor = attempt('castore/unable-to-open', shown, () =>
      openSync(path, OPEN_FLAGS),
    );
    const found = fstatSync(descriptor);
    this.#file = { descriptor, found, shown, left: found.size };
    if (!found.isFile()) throw diskError('castore/file-changed', shown());
    this.#batch.push({
      type: 'regular',
      executable: isExecutable(found),
      size: BigInt(found.size),
      identity: identityOf(found),
    });
    return found;
  }

  #readFile(file: OpenFile): void {
    const { descriptor, found, shown } = file;
    const length = attempt('castore/unable-to-read', shown, () =>
      this.#batch.read(descriptor, file.left),
    );
    file.left -= length;
    const isAtEnd = file.left === 0;
    if (file.left < 0 || (length === 0 && !isAtEnd))
      throw diskError('castore/file-changed', shown());
    if (!isAtEnd) return;
    if (!isUnchanged(found, fstatSync(descriptor)))
      throw diskError('castore/file-changed', shown());
    this.#file = undefined;
    closeSync(descriptor);
  }
}

function isExecutable({ mode }: Stats): boolean {
  return (mode & constants.S_IXUSR) !== 0;
}

type FileType = Pick<Stats, 'isFile' | 'isSymbolicLink'>;

function isUnchanged(before: Stats, after: Stats): boolean {
  return (
    before.size === after.size &&
    before.mtimeMs === after.mtimeMs &&
    before.ctimeMs === after.ctimeMs &&
    before.ino === after.ino
  );
}

function attempt<T>(
  code: DiskErrorCode,
  shown: () => Uint8Array,
  call: () => T,
): T {
  try {
    return call();
  } catch (cause) {
    throw diskError(code, shown(), cause);
  }
}
