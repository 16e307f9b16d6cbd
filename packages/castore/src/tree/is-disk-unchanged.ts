import { constants } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { CallOptions } from '../blob-service/blob-service.ts';
import { RECORDED_NUMBERS, RecordedWay } from './disk-record.ts';
import type { DiskRecord } from './disk-record.ts';
import type { Found } from './lstat.ts';
import { openLstat } from './open-lstat.ts';

/** Longer paths the system may not take; the ways of a tree that has some are looked at as if they had changed. */
const MAX_PATH_BYTES = 4095;

/** A slash, a name, and what {@link openLstat} needs. */
const NAME_ROOM = 1 + 255 + 1;

const SLASH = 0x2f;

/** As many are looked at in one turn of the event loop. */
const TURN = 4096;

/**
 * Whether a tree on disk is as it was when a record of it was made: each directory and file is looked at, none is listed
 * or read. What can't be looked at counts as changed.
 */
export async function isDiskUnchanged(
  path: string | Uint8Array,
  record: DiskRecord,
  { signal }: CallOptions = {},
): Promise<boolean> {
  const comparison = new DiskComparison(Buffer.from(path), record);
  while (!comparison.isOver) {
    signal?.throwIfAborted();
    if (!comparison.isSame(TURN)) return false;
    await setImmediate();
  }
  return true;
}

/** Goes through a record with one buffer for all paths. */
class DiskComparison {
  readonly #record: DiskRecord;
  readonly #lstat = openLstat();
  readonly #path = Buffer.allocUnsafeSlow(MAX_PATH_BYTES + NAME_ROOM);
  /** Where the path of the innermost directory ends, and those around it. */
  #end: number;
  readonly #ends: number[] = [];
  #way = 0;
  #number = 0;

  constructor(path: Buffer, record: DiskRecord) {
    this.#record = record;
    this.#end = path.copy(this.#path);
  }

  get isOver(): boolean {
    return this.#way >= this.#record.ways.length;
  }

  /** Looks at so many more; `false` at the first that has changed. */
  isSame(count: number): boolean {
    const { ways } = this.#record;
    for (let left = count; left > 0 && this.#way < ways.length; left--) {
      const way = ways[this.#way++]!;
      if (way === RecordedWay.end) {
        this.#end = this.#ends.pop()!;
        continue;
      }
      const end = this.#append();
      if (end > MAX_PATH_BYTES) return false;
      const found = this.#lstat(this.#path, end);
      if (found === undefined || !this.#isRecorded(found, way)) return false;
      if (way === RecordedWay.file) continue;
      this.#ends.push(this.#end);
      this.#end = end;
    }
    return true;
  }

  /** Puts the next name behind the path of the innermost directory, and answers with where it ends. */
  #append(): number {
    const { ways } = this.#record;
    const length = ways[this.#way++]!;
    let end = this.#end;
    if (length === 0) return end;
    this.#path[end++] = SLASH;
    this.#path.set(ways.subarray(this.#way, this.#way + length), end);
    this.#way += length;
    return end + length;
  }

  #isRecorded(found: Found, way: number): boolean {
    const { dev, numbers } = this.#record;
    const at = this.#number;
    this.#number += RECORDED_NUMBERS;
    return (
      found.dev === dev &&
      found.ino === numbers[at] &&
      found.size === numbers[at + 1] &&
      found.mtimeMs === numbers[at + 2] &&
      found.ctimeMs === numbers[at + 3] &&
      (found.mode & constants.S_IFMT) ===
        (way === RecordedWay.file ? constants.S_IFREG : constants.S_IFDIR)
    );
  }
}
