import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import type { CastoreError } from '../errors.ts';
import { isPathComponent } from '../path/path-component.ts';
import { DirectoryHandles } from './directory-handles.ts';
import { diskError, errnoOf } from './disk-error.ts';
import { removeTree } from './remove-tree.ts';

const SLASH = 0x2f;
const HERE = Buffer.from('.');

/** The name in the staging directory of what is to take the destination's name. */
export const STAGED_NAME: Buffer = Buffer.from('tree');

/** What to know of what was built. */
export interface PublishOptions {
  readonly isDirectory: boolean;
  /** Whether the new name must be safe on the disk before the answer. */
  readonly isDurable: boolean;
}

/**
 * A directory of our own beside a destination, on its file system and closed to everybody else, to build something in
 * that takes the destination's name when it is complete. Nothing that has that name is ever replaced.
 */
export class Staging {
  readonly #destination: Uint8Array;
  readonly #name: Uint8Array;
  readonly #directory = Buffer.from(
    `.tvix-${randomBytes(8).toString('hex')}.tmp`,
  );
  /** Stays in the destination's parent. */
  readonly #outside: DirectoryHandles;
  readonly #inside: DirectoryHandles;

  /**
   * Makes the directory, unless the destination exists.
   *
   * @throws CastoreError `castore/destination-exists`; and the system's errors
   */
  constructor(destination: Uint8Array) {
    const { parent, name } = splitDestination(destination);
    this.#destination = destination;
    this.#name = name;
    // The other names (`.`, `..`, the root's) exist wherever they can be found.
    if (!isPathComponent(name)) throw this.#exists();
    this.#outside = new DirectoryHandles(parent);
    try {
      if (this.#isTaken()) throw this.#exists();
      mkdirSync(this.#outside.path(this.#directory), 0o700);
      this.#inside = new DirectoryHandles(this.#outside.here);
      this.#inside.enter(this.#directory);
    } catch (error) {
      this.#outside.close();
      throw error;
    }
  }

  /** The way down that starts in the staging directory. */
  get handles(): DirectoryHandles {
    return this.#inside;
  }

  /**
   * Gives what was built the destination's name, and removes the staging directory.
   *
   * @throws CastoreError `castore/destination-exists` where the name was taken meanwhile; and the system's errors
   */
  publish({ isDirectory, isDurable }: PublishOptions): void {
    const from = this.#inside.path(STAGED_NAME);
    const to = this.#outside.path(this.#name);
    try {
      if (isDirectory) moveDirectory(from, to);
      else moveLeaf(from, to);
    } catch (error) {
      if (isTakenError(error)) throw this.#exists(error);
      throw error;
    }
    this.#inside.close();
    rmdirSync(this.#outside.path(this.#directory));
    if (isDurable) syncDirectory(this.#outside.here);
  }

  /** Ends the work; what wasn't published is removed as far as it can be. */
  close(): void {
    this.#inside.close();
    try {
      removeTree(this.#outside, this.#directory);
    } catch {
      // It was published, or it can't be removed: the failure that led here tells more than this one.
    }
    this.#outside.close();
  }

  #isTaken(): boolean {
    const path = this.#outside.path(this.#name);
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  }

  #exists(cause?: unknown): CastoreError {
    return diskError('castore/destination-exists', this.#destination, cause);
  }
}

/**
 * `rename` replaces an empty directory and refuses everything else: so an empty one of ours claims the name first, which
 * fails where there is anything.
 */
function moveDirectory(from: Buffer, to: Buffer): void {
  mkdirSync(to, 0o700);
  try {
    renameSync(from, to);
  } catch (error) {
    rmdirSync(to);
    throw error;
  }
}

/** `rename` would replace a file, `link` never does. */
function moveLeaf(from: Buffer, to: Buffer): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if (!isLinkUnsupported(error)) throw error;
    // Here is a moment in which somebody's file could take the name and be replaced; such file systems leave no choice.
    closeSync(openSync(to, 'wx'));
    renameSync(from, to);
    return;
  }
  unlinkSync(from);
}

function syncDirectory(path: Buffer): void {
  const descriptor = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function isTakenError(error: unknown): boolean {
  return ['EEXIST', 'ENOTEMPTY', 'ENOTDIR'].includes(errnoOf(error));
}

function isLinkUnsupported(error: unknown): boolean {
  return ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(
    errnoOf(error),
  );
}

/** The last name of a path and what comes before it; slashes at the end don't count. */
function splitDestination(path: Uint8Array): {
  parent: Uint8Array;
  name: Uint8Array;
} {
  let end = path.length;
  while (end > 0 && path[end - 1] === SLASH) end--;
  const start = path.lastIndexOf(SLASH, end - 1) + 1;
  const parent = start === 0 ? HERE : path.subarray(0, start);
  return { parent, name: path.subarray(end === 0 ? 0 : start, end) };
}
