import {
  type FileSystem,
  nodeFileSystem,
} from '../../src/local-store/file-system.ts';
import { LmdbIndex } from '../../src/local-store/index/lmdb-index.ts';
import { indexWithCommit } from './index-with-commit.ts';
import type { StoreIndex } from '../../src/local-store/index/store-index.ts';

/** What can fail. */
export type Call =
  'openSync' | 'writev' | 'fdatasync' | 'fsync' | 'ftruncate' | 'commit';

/** Which call is to fail. */
export interface Plan {
  readonly call: Call;
  /** From 1. */
  readonly nth: number;
  readonly isForEver: boolean;
}

/** Lets calls fail with an error number: all from now until told otherwise, or one that is counted. */
export class Faults {
  readonly failing = new Map<Call, string>();
  /** As many of each were made. */
  readonly calls = new Map<Call, number>();
  /** Whether one failed. */
  hasFailed = false;
  #plan: Plan | undefined;
  /** Bytes that writes may still take before they fail; half of a write is written. */
  room = Infinity;

  readonly fileSystem: FileSystem = {
    ...nodeFileSystem,
    openSync: (path, flags) => {
      this.#check('openSync');
      return nodeFileSystem.openSync(path, flags);
    },
    writev: async (fd, buffers, position) => {
      this.#check('writev');
      const length = buffers.reduce((sum, { length }) => sum + length, 0);
      if (length <= this.room) {
        this.room -= length;
        return nodeFileSystem.writev(fd, buffers, position);
      }
      const part = Buffer.concat(buffers).subarray(0, this.room);
      this.room = 0;
      if (part.length === 0) throw failure('ENOSPC');
      return nodeFileSystem.writev(fd, [part], position);
    },
    fdatasync: async (fd) => {
      this.#check('fdatasync');
      await nodeFileSystem.fdatasync(fd);
    },
    fsync: async (fd) => {
      this.#check('fsync');
      await nodeFileSystem.fsync(fd);
    },
    ftruncate: async (fd, length) => {
      this.#check('ftruncate');
      await nodeFileSystem.ftruncate(fd, length);
    },
  };

  readonly openIndex = (
    directory: string,
    options: { readonly readOnly: boolean },
  ): StoreIndex => {
    const index = LmdbIndex.open(directory, options);
    return indexWithCommit(index, async (writes, options) => {
      this.#check('commit');
      await index.commit(writes, options);
    });
  };

  /** Lets a call fail with EIO, by its number from now on, once or with all that follow. */
  plan(plan: Plan): void {
    this.calls.clear();
    this.#plan = plan;
  }

  /** Nothing fails any more. */
  lift(): void {
    this.failing.clear();
    this.#plan = undefined;
  }

  #check(call: Call): void {
    const count = 1 + (this.calls.get(call) ?? 0);
    this.calls.set(call, count);
    const plan = this.#plan;
    if (plan?.call === call) {
      const isDue = plan.isForEver ? count >= plan.nth : count === plan.nth;
      if (isDue) {
        this.hasFailed = true;
        throw failure('EIO');
      }
    }
    const code = this.failing.get(call);
    if (code !== undefined) throw failure(code);
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}
