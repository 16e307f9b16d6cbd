import { CastoreError } from '../errors.ts';

/** The `code` of a system error; `undefined` for anything else. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string') return code;
  // lmdb reports the number, and the name only in the message.
  if (code === 5) return 'EIO';
  if (code === 28) return 'ENOSPC';
  if (code === 122) return 'EDQUOT';
  if (code === 27) return 'EFBIG';
  return undefined;
}

const NO_SPACE = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Nothing was written for these, and they pass without anybody touching the disk's contents. */
const REFUSALS = new Set(['EROFS', 'EMFILE', 'ENFILE', 'EACCES', 'EPERM']);

/** Whether the device, a quota or a limit has no room left. */
export function isNoSpace(error: unknown): boolean {
  return NO_SPACE.has(errnoOf(error) ?? '');
}

/** Whether a failed write leaves the store as good as before: the file system refused it, and lost nothing. */
export function isTransient(error: unknown): boolean {
  return isNoSpace(error) || REFUSALS.has(errnoOf(error) ?? '');
}

/** Whether the device failed to tell what is on it, which says nothing of what that is. */
export function isUnreadable(error: unknown): boolean {
  const code = errnoOf(error);
  return code === 'EIO' || code === 'castore/io';
}

/** What a caller gets for a write that the file system refused. Nothing of it was kept. */
export function writeRefused(cause: unknown): CastoreError {
  if (!isNoSpace(cause))
    return ioFailure('the local store cannot write', cause);
  return new CastoreError(
    'castore/no-space',
    'no space is left for the local store; nothing of this write was kept',
    { cause },
  );
}

/**
 * What every write gets after one failed at the device.
 *
 * A failed fsync isn't retried: the kernel marks the pages clean, so that a second one answers success for bytes that
 * never reached the disk (Rebello et al., USENIX ATC 2020).
 */
export function storeFailed(cause: unknown): CastoreError {
  return new CastoreError(
    'castore/store-failed',
    'the local store stopped taking writes after an I/O error; check the disk, then restart',
    { cause },
  );
}

/** A failure of the file system, with what was being done. */
export function ioFailure(doing: string, cause: unknown): CastoreError {
  return new CastoreError(
    'castore/io',
    `${doing}: ${errnoOf(cause) ?? 'failed'}`,
    { cause },
  );
}

/** A failure of the file system as `ioFailure` says it; anything else as it is. */
export function asFailure(doing: string, error: unknown): unknown {
  return error instanceof CastoreError || errnoOf(error) === undefined
    ? error
    : ioFailure(doing, error);
}

/** A store that is to be changed and can't be: who wanted to write to it may not know why. */
export function readOnlyFailure(directory: string): CastoreError {
  return new CastoreError(
    'castore/store-read-only',
    `the store ${directory} is open for reading alone: it was opened so, or its directory can't be written to`,
    { details: { directory } },
  );
}
