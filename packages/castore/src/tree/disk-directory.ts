import {
  closeSync,
  constants,
  lstatSync,
  openSync,
  readdirSync,
} from 'node:fs';
import type { Dirent, Stats } from 'node:fs';
import { compareBytes } from '../digest/bytes.ts';
import { descriptorPath, hasDescriptorPaths } from './descriptor-path.ts';
import { diskError } from './disk-error.ts';

/** Paths longer than this start from a descriptor: the system takes up to 4,095 bytes, and names have up to 255. */
const MAX_PATH_BYTES = 2048;

const SLASH = Buffer.from('/');

/**
 * A directory that is being read, with its listing in bytewise order.
 *
 * Its path is a plain one as long as that is short, which is a quarter faster than one that starts from a descriptor.
 * Deep down, where no plain path could reach, it starts from an open descriptor of a directory on the way (on systems
 * with `/proc/self/fd`; elsewhere such a depth fails as the system says).
 */
export class DiskDirectory {
  readonly #parent: DiskDirectory | undefined;
  /** The name in the parent; for the root, the path as it was given. */
  readonly #name: Uint8Array;
  /** What it was before it was listed. */
  readonly found: Stats;
  #path: Buffer;
  #descriptor: number | undefined;
  #entries: readonly Dirent<Buffer>[] = [];
  #at = 0;

  /**
   * Opens a directory by its path, or by its name in the parent.
   *
   * @throws CastoreError `castore/unable-to-stat`, `castore/unable-to-open`, `castore/file-changed` where it is none
   */
  constructor(name: Uint8Array, parent?: DiskDirectory) {
    this.#name = name;
    this.#parent = parent;
    this.#path = parent === undefined ? Buffer.from(name) : parent.path(name);
    this.found = this.#stat();
    try {
      if (hasDescriptorPaths && this.#path.length > MAX_PATH_BYTES)
        this.#startFromDescriptor();
      this.#entries = readdirSync(this.#path, {
        encoding: 'buffer',
        withFileTypes: true,
      }).sort((a, b) => compareBytes(a.name, b.name));
    } catch (cause) {
      this.release();
      throw diskError('castore/unable-to-open', this.shown(), cause);
    }
  }

  /** The next entry in bytewise order, `undefined` at the end. */
  next(): Dirent<Buffer> | undefined {
    return this.#entries[this.#at++];
  }

  /** What the system takes for a name in this directory. */
  path(name: Uint8Array): Buffer {
    return Buffer.concat([this.#path, SLASH, name]);
  }

  /** What people take for this directory, or for a name in it: the path as it was given and the names from there. */
  shown(name?: Uint8Array): Buffer {
    const names = [...this.#way(), ...(name === undefined ? [] : [name])];
    return Buffer.concat(
      names.flatMap((part, i) => (i === 0 ? [part] : [SLASH, part])),
    );
  }

  /**
   * Ends the reading.
   *
   * @throws CastoreError `castore/file-changed` where the path leads to something else by now
   */
  close(): void {
    const { dev, ino } = this.#stat();
    this.release();
    if (dev !== this.found.dev || ino !== this.found.ino)
      throw diskError('castore/file-changed', this.shown());
  }

  /** Frees what it holds. */
  release(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** The path of the root, and the names from there to this directory. */
  #way(): Uint8Array[] {
    const names = [this.#name];
    for (let at = this.#parent; at !== undefined; at = at.#parent)
      names.push(at.#name);
    return names.reverse();
  }

  #startFromDescriptor(): void {
    this.#descriptor = openSync(
      this.#path,
      constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW,
    );
    this.#path = descriptorPath(this.#descriptor);
  }

  #stat(): Stats {
    let stats: Stats;
    try {
      // NOTE: with a slash at the end, a link of /proc/self/fd is followed to the directory itself.
      stats = lstatSync(
        this.#descriptor === undefined
          ? this.#path
          : Buffer.concat([this.#path, SLASH]),
      );
    } catch (cause) {
      throw diskError('castore/unable-to-stat', this.shown(), cause);
    }
    if (!stats.isDirectory())
      throw diskError('castore/file-changed', this.shown());
    return stats;
  }
}
