import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Spill } from '../spill.ts';

/** Where contents go that memory has no room for. Plain data. */
export interface SpillOptions {
  /** Default: `os.tmpdir()`. */
  readonly directory?: string;
  /** Disk space, in bytes; 0 for none. Default: 1 GiB. */
  readonly bytes?: number;
}

const DEFAULT_BYTES = 1024 ** 3;

interface Place {
  readonly at: number;
  readonly length: number;
}

/**
 * Verified contents in a file without a name, used as a ring: the newest overwrite the oldest. A read of 4 KiB costs a
 * system call then, where it would cost reading, decoding and hashing a chunk of 256 KiB. The file goes with its
 * descriptor, however this process ends.
 */
export class SpillFile implements Spill {
  readonly #limitBytes: number;
  /** In the order in which they stand in the ring, the oldest first. */
  readonly #places = new Map<string, Place>();
  #fd: number | undefined;
  #head = 0;

  /** Without a directory that can be written to, nothing is kept. */
  constructor({
    directory = tmpdir(),
    bytes = DEFAULT_BYTES,
  }: SpillOptions = {}) {
    this.#limitBytes = bytes;
    if (bytes === 0) return;
    const path = join(directory, `.tvix-fs-spill-${process.pid}-${unique()}`);
    try {
      this.#fd = openSync(path, 'wx+', 0o600);
      unlinkSync(path);
    } catch {
      // A cache that isn't there costs time alone.
    }
  }

  put(key: string, bytes: Uint8Array): void {
    const { length } = bytes;
    if (this.#fd === undefined || length > this.#limitBytes) return;
    if (this.#places.has(key)) return;
    if (this.#head + length > this.#limitBytes) this.#wrap();
    this.#clear(this.#head, this.#head + length);
    try {
      if (writeSync(this.#fd, bytes, 0, length, this.#head) !== length) return;
    } catch {
      // The disk is full: what is kept stays.
      return;
    }
    this.#places.set(key, { at: this.#head, length });
    this.#head += length;
  }

  get(key: string, offset: number, length: number): Uint8Array | undefined {
    const place = this.#places.get(key);
    if (this.#fd === undefined || place === undefined) return undefined;
    const bytes = new Uint8Array(length);
    try {
      const read = readSync(this.#fd, bytes, 0, length, place.at + offset);
      if (read === length) return bytes;
    } catch {
      // A bad disk: fetched again instead.
    }
    this.#places.delete(key);
    return undefined;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#places.clear();
  }

  /** Goes back to the start. What stands behind the head is the oldest, and too short a place for the next. */
  #wrap(): void {
    this.#clear(this.#head, this.#limitBytes);
    this.#head = 0;
  }

  /** Forgets the oldest as long as they stand in that part of the ring. */
  #clear(start: number, end: number): void {
    for (const [key, { at, length }] of this.#places) {
      if (at >= end || at + length <= start) return;
      this.#places.delete(key);
    }
  }
}

let last = 0;

function unique(): string {
  return `${++last}-${process.hrtime.bigint()}`;
}
