import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type * as Lmdb from 'lmdb';
import type { RootDatabase } from 'lmdb';
import { syncDirectory } from '../durable-files.ts';
import { type FileSystem, nodeFileSystem } from '../file-system.ts';
import { assertLmdbFile, fillLmdbFile, LMDB_PAGE_BYTES } from './lmdb-file.ts';
import { mappedFileBytes, releaseMappedPages } from './mapped-pages.ts';
import { errnoOf, ioFailure } from '../store-failure.ts';
import type {
  IndexCommitOptions,
  IndexRange,
  IndexWrite,
  StoreIndex,
} from './store-index.ts';

const require = createRequire(import.meta.url);
const DATA_FILE = 'data.mdb';

/** A commit finds room for its pages of the tree above the leaves, and for the list of free ones, in so much. */
const LEAST_ROOM_BYTES = 1024 * 1024;

/** A write takes a page for itself at worst, and its share of one above. */
const WRITE_BYTES = LMDB_PAGE_BYTES + 256;

/** So much more of it may be mapped while it is read sparingly. */
const SPARING_BYTES = 64 * 1024 * 1024;

/** Linux maps 16 pages around the one that a read looks at: this many reads map 16 MiB at worst. */
const READS_BETWEEN_LOOKS = 256;

/** About as many entries lie around each other that a walk through them reads their pages at once. */
const ENTRIES_READ_AT_ONCE = 32;

/** How the index is opened. */
export interface LmdbIndexOptions {
  readonly readOnly: boolean;
  /** The calls that tell whether the device still answers; tests let them fail. */
  readonly files?: Pick<FileSystem, 'readSync'>;
  /** How much more of it may be mapped while it is read sparingly, in bytes; left out: 64 MiB. */
  readonly sparingBytes?: number;
}

const probe = Buffer.alloc(1);

/** The index in LMDB: one B+tree, copy on write, a commit is one synced transaction. */
export class LmdbIndex implements StoreIndex {
  readonly #database: RootDatabase<Buffer, Uint8Array>;
  /** The file that LMDB maps. */
  readonly #fd: number;
  readonly #directory: string;
  readonly #options: LmdbIndexOptions;
  /** LMDB may answer nothing any more after a commit that failed. */
  #hasFailed = false;
  #commits = 0;
  #commitsUnderWay = 0;
  /** Those who want the memory of what is read given back. */
  #sparing = 0;
  #readsSinceLook = 0;
  #mostMappedBytes = 0;

  private constructor(
    database: RootDatabase<Buffer, Uint8Array>,
    fd: number,
    directory: string,
    options: LmdbIndexOptions,
  ) {
    this.#database = database;
    this.#fd = fd;
    this.#directory = directory;
    this.#options = options;
  }

  get generation(): number | undefined {
    return this.#options.readOnly || this.#commitsUnderWay > 0
      ? undefined
      : this.#commits;
  }

  /** Opens or creates the index in a directory that exists. Throws whatever LMDB makes of a damaged file. */
  static open(directory: string, options: LmdbIndexOptions): LmdbIndex {
    const file = path.join(directory, DATA_FILE);
    const isNew = !fs.existsSync(file);
    if (!isNew) assertLmdbFile(file);
    // Only now: most programs that use this package never open a local store, and the binding is slow to load.
    const { open } = require('lmdb') as typeof Lmdb;
    const database = open<Buffer, Uint8Array>({
      path: file,
      encoding: 'binary',
      keyEncoding: 'binary',
      cache: false,
      pageSize: LMDB_PAGE_BYTES,
      readOnly: options.readOnly,
      // With overlapping syncs a failed sync of a commit that was answered already surfaces nowhere.
      overlappingSync: false,
      // A commit is one batch. With batches of whole turns, lmdb holds a promise of its own that nobody can await: where
      // it rejects, the process ends (lmdb-js 3.5.6).
      eventTurnBatching: false,
    });
    if (isNew) syncDirectory(directory);
    const fd = fs.openSync(file, options.readOnly ? 'r' : 'r+');
    return new LmdbIndex(database, fd, directory, options);
  }

  get(key: Uint8Array): Buffer | undefined {
    let value: Buffer | undefined;
    try {
      value = this.#database.getBinary(key);
    } catch (error) {
      throw this.#readFailure(error);
    }
    if (value === undefined ? this.#hasFailed : value[0] === 0)
      this.#assertReadable();
    this.#spare(1);
    return value;
  }

  range(range: IndexRange): (readonly [Buffer, Buffer])[] {
    const found: (readonly [Buffer, Buffer])[] = [];
    let isDoubtful = this.#hasFailed;
    try {
      // Both are copies already, Buffers of their own (lmdb-js 3.5.6).
      for (const { key, value } of this.#database.getRange(range)) {
        found.push([key as Buffer, value]);
        if (value[0] === 0) isDoubtful = true;
      }
    } catch (error) {
      throw this.#readFailure(error);
    }
    if (isDoubtful) this.#assertReadable();
    this.#spare(found.length / ENTRIES_READ_AT_ONCE);
    return found;
  }

  count(): number {
    return (this.#database.getStats() as { entryCount: number }).entryCount;
  }

  async commit(
    writes: readonly IndexWrite[],
    { needsRoom = false }: IndexCommitOptions = {},
  ): Promise<void> {
    const bytes = LEAST_ROOM_BYTES + WRITE_BYTES * writes.length;
    if (needsRoom && roomIn(this.#directory) < bytes)
      throw refusal('ENOSPC', `the index may need ${bytes} bytes`);
    const database = this.#database;
    this.#commitsUnderWay += 1;
    try {
      await database.batch(() => {
        for (const { key, value } of writes) {
          if (value === undefined) silence(database.remove(key));
          else silence(database.put(key, value as Buffer));
        }
      });
      await database.flushed;
    } catch (error) {
      this.#hasFailed = true;
      throw this.#told(await commitCause(error));
    } finally {
      this.#commitsUnderWay -= 1;
      this.#commits += 1;
    }
    this.#hasFailed = false;
    database.resetReadTxn();
    fillLmdbFile(this.#fd);
  }

  readSparingly(): () => void {
    this.#sparing += 1;
    this.#giveBack();
    return () => {
      this.#sparing -= 1;
    };
  }

  async close(): Promise<void> {
    await this.#database.close();
    fs.closeSync(this.#fd);
  }

  #spare(reads: number): void {
    if (this.#sparing === 0) return;
    this.#readsSinceLook += reads;
    if (this.#readsSinceLook < READS_BETWEEN_LOOKS) return;
    this.#readsSinceLook = 0;
    if (mappedFileBytes() > this.#mostMappedBytes) this.#giveBack();
  }

  #giveBack(): void {
    // What LMDB mapped stays mapped until it is closed, also where it maps a longer file anew (lmdb-js 3.5.6).
    releaseMappedPages(this.#fd);
    const { sparingBytes = SPARING_BYTES } = this.#options;
    this.#mostMappedBytes = mappedFileBytes() + sparingBytes;
  }

  /** LMDB takes a write that was cut short for an I/O error, and a full disk or a limit is what cuts writes short. */
  #told(cause: unknown): unknown {
    if (errnoOf(cause) !== 'EIO') return cause;
    const code =
      roomIn(this.#directory) < LEAST_ROOM_BYTES
        ? 'ENOSPC'
        : refusedGrowth(this.#fd);
    if (code === undefined) return cause;
    return refusal(code, 'a write to the index was cut short', cause);
  }

  #readFailure(error: unknown): unknown {
    if (this.#hasFailed)
      return ioFailure(
        'cannot read the index since a write to it failed',
        error,
      );
    this.#assertReadable();
    return error;
  }

  /**
   * Asks for a page of the file in a way that can fail: of one whose device is gone the kernel maps pages of zeros, and
   * what LMDB makes of these is neither damage nor absence.
   */
  #assertReadable(): void {
    const { files = nodeFileSystem } = this.#options;
    try {
      files.readSync(this.#fd, probe, 0, probe.length, 0);
    } catch (error) {
      throw ioFailure('cannot read the index', error);
    }
  }
}

/** The free bytes, for root with those that are kept for it; `Infinity` where nobody knows. */
function roomIn(directory: string): number {
  try {
    const { bavail, bfree, bsize } = fs.statfsSync(directory);
    return bsize * (process.getuid?.() === 0 ? bfree : bavail);
  } catch {
    return Infinity;
  }
}

/** Why a file may not become longer: a quota, or a limit of the process; `undefined` where it may. */
function refusedGrowth(fd: number): 'EDQUOT' | 'EFBIG' | undefined {
  try {
    const { size } = fs.fstatSync(fd);
    const page = Buffer.alloc(LMDB_PAGE_BYTES);
    // At a limit the first write is cut short and the second refused.
    for (let at = 0; at < page.length;)
      at += fs.writeSync(fd, page, at, page.length - at, size + at);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'EDQUOT' || code === 'EFBIG') return code;
  }
  return undefined;
}

function refusal(code: string, message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code });
}

/** The promise of one put fails together with that of its batch, which is the one awaited. */
function silence(promise: Promise<unknown>): void {
  promise.then(undefined, () => {});
}

/** The failure behind a failed commit: lmdb hands it over as a promise that rejects. */
async function commitCause(error: unknown): Promise<unknown> {
  const cause = (error as { commitError?: unknown } | null)?.commitError;
  if (cause === undefined) return error;
  try {
    const value = await cause;
    return value ?? error;
  } catch (reason) {
    return errnoOf(reason) === undefined &&
      /no space left/i.test(String((reason as Error | null)?.message))
      ? Object.assign(reason as Error, { code: 'ENOSPC' })
      : reason;
  }
}
