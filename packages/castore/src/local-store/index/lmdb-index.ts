import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type * as Lmdb from 'lmdb';
import type { RootDatabase } from 'lmdb';
import { syncDirectory } from '../durable-files.ts';
import { assertLmdbFile, fillLmdbFile, LMDB_PAGE_BYTES } from './lmdb-file.ts';
import { errnoOf, ioFailure } from '../store-failure.ts';
import type { IndexRange, IndexWrite, StoreIndex } from './store-index.ts';

const require = createRequire(import.meta.url);
const DATA_FILE = 'data.mdb';
const FULL_BELOW_BYTES = 1024 * 1024;

/** The index in LMDB: one B+tree, copy on write, a commit is one synced transaction. */
export class LmdbIndex implements StoreIndex {
  readonly #database: RootDatabase<Buffer, Uint8Array>;
  /** The file; `undefined` where it is opened for reading alone. */
  readonly #fd: number | undefined;
  readonly #directory: string;
  /** LMDB may answer nothing any more after a commit that failed. */
  #hasFailed = false;

  private constructor(
    database: RootDatabase<Buffer, Uint8Array>,
    fd: number | undefined,
    directory: string,
  ) {
    this.#database = database;
    this.#fd = fd;
    this.#directory = directory;
  }

  /** Opens or creates the index in a directory that exists. Throws whatever LMDB makes of a damaged file. */
  static open(
    directory: string,
    options: { readonly readOnly: boolean },
  ): LmdbIndex {
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
    const fd = options.readOnly ? undefined : fs.openSync(file, 'r+');
    return new LmdbIndex(database, fd, directory);
  }

  get(key: Uint8Array): Buffer | undefined {
    try {
      return this.#database.getBinary(key);
    } catch (error) {
      throw this.#readFailure(error);
    }
  }

  range(range: IndexRange): (readonly [Buffer, Buffer])[] {
    const found: (readonly [Buffer, Buffer])[] = [];
    try {
      // Both are copies already, Buffers of their own (lmdb-js 3.5.6).
      for (const { key, value } of this.#database.getRange(range))
        found.push([key as Buffer, value]);
    } catch (error) {
      throw this.#readFailure(error);
    }
    return found;
  }

  count(): number {
    return (this.#database.getStats() as { entryCount: number }).entryCount;
  }

  async commit(writes: readonly IndexWrite[]): Promise<void> {
    const database = this.#database;
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
    }
    this.#hasFailed = false;
    database.resetReadTxn();
    if (this.#fd !== undefined) fillLmdbFile(this.#fd);
  }

  async close(): Promise<void> {
    await this.#database.close();
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
  }

  /** LMDB takes a write that was cut short for an I/O error, and a full disk is what cuts writes short. */
  #told(cause: unknown): unknown {
    if (errnoOf(cause) !== 'EIO' || !isFull(this.#directory)) return cause;
    const message = 'a write to the index was cut short';
    return Object.assign(new Error(message, { cause }), { code: 'ENOSPC' });
  }

  #readFailure(error: unknown): unknown {
    return this.#hasFailed
      ? ioFailure('cannot read the index since a write to it failed', error)
      : error;
  }
}

/** Whether there is hardly any room left, even for who may use what is kept for root. */
function isFull(directory: string): boolean {
  try {
    const { bavail, bfree, bsize } = fs.statfsSync(directory);
    const blocks = process.getuid?.() === 0 ? bfree : bavail;
    return blocks * bsize < FULL_BELOW_BYTES;
  } catch {
    return false;
  }
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
