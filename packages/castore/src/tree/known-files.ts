import type { B3Digest } from '../digest/b3-digest.ts';

/**
 * What tells whether a file on this machine is still what it was: a file that was written to since has another time of
 * change, and no program can set that back. A `Stats` of `node:fs` is one.
 */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  /** Milliseconds since 1970, with what a double holds of the rest: a quarter of a microsecond. */
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** Knows the contents of files that were read before. */
export interface KnownFiles {
  /** The BLAKE3 digest of a file's contents; `undefined` where it isn't known. */
  find(file: FileIdentity): B3Digest | undefined;
}

/** Times of change are this fine at worst (FAT has two seconds for the one that counts there). */
const SETTLED_AFTER_MS = 2500;

/**
 * The identity of a file whose reading begins now; `undefined` where it couldn't be told from what it may become: it was
 * changed so lately that another change could leave the same times, or its numbers exceed what a double holds.
 */
export function identityOf(file: FileIdentity): FileIdentity | undefined {
  const { dev, ino, size, mtimeMs, ctimeMs } = file;
  const settled = Date.now() - SETTLED_AFTER_MS;
  return ctimeMs < settled &&
    mtimeMs < settled &&
    Number.isSafeInteger(ino) &&
    Number.isSafeInteger(dev)
    ? { dev, ino, size, mtimeMs, ctimeMs }
    : undefined;
}
