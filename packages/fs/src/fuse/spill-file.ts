import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ring } from '../ring.ts';
import type { Spill } from '../spill.ts';

/** Where contents go that memory has no room for. Plain data. */
export interface SpillOptions {
  /** Default: `os.tmpdir()`. */
  readonly directory?: string;
  /** Disk space, in bytes; 0 for none. Default: 1 GiB. */
  readonly bytes?: number;
}

const DEFAULT_BYTES = 1024 ** 3;

/**
 * Verified contents in a file without a name, used as a ring: the newest overwrite the oldest. A read of 4 KiB costs a
 * system call then, where it would cost reading, decoding and hashing a chunk of 256 KiB. The file goes with its
 * descriptor, however this process ends.
 */
export class SpillFile implements Spill {
  readonly #ring: Ring;
  #fd: number | undefined;

  /** Without a directory that can be written to, nothing is kept. */
  constructor({
    directory = tmpdir(),
    bytes = DEFAULT_BYTES,
  }: SpillOptions = {}) {
    this.#ring = new Ring(bytes);
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
    if (this.#fd === undefined || this.#ring.get(key) !== undefined) return;
    const at = this.#ring.room(length);
    if (at === undefined) return;
    try {
      if (writeSync(this.#fd, bytes, 0, length, at) !== length) return;
    } catch {
      // The disk is full: what is kept stays.
      return;
    }
    this.#ring.add(key, length);
  }

  get(key: string, offset: number, length: number): Uint8Array | undefined {
    const place = this.#ring.get(key);
    if (this.#fd === undefined || place === undefined) return undefined;
    const bytes = new Uint8Array(length);
    try {
      const read = readSync(this.#fd, bytes, 0, length, place.at + offset);
      if (read === length) return bytes;
    } catch {
      // A bad disk: fetched again instead.
    }
    this.#ring.forget(key);
    return undefined;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#ring.clear();
  }
}

let last = 0;

function unique(): string {
  return `${++last}-${process.hrtime.bigint()}`;
}
