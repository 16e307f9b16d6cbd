import { FsError } from './errors.ts';
import type { PosixErrorCode } from './errors.ts';

/** Linux's numbers of the errors that this package answers with: the protocol knows no others, whatever the host is. */
export const ERRNO: Readonly<Record<PosixErrorCode, number>> = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  EBADF: 9,
  EACCES: 13,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EROFS: 30,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ELOOP: 40,
  ENODATA: 61,
  EPROTO: 71,
};

/**
 * The number that tells the kernel of a failure: an error of ours by its code, anything else (a missing blob, a dead
 * remote, a bug) as EIO, so that no failure ever looks like absence.
 */
export function errnoOf(error: unknown): number {
  const code = error instanceof FsError ? (error as FsError).code : undefined;
  return code !== undefined && code in ERRNO
    ? ERRNO[code as PosixErrorCode]
    : ERRNO.EIO;
}
