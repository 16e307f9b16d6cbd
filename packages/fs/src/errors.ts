/** Failures of mounting and serving. Codes are stable; messages are not. */
export type MountErrorCode =
  | 'fs/unsupported'
  | 'fs/bad-mount-point'
  | 'fs/mount-failed'
  | 'fs/unmount-failed'
  | 'fs/services-failed'
  | 'fs/server-died';

/** Failures of serving virtual machines. */
export type VirtiofsErrorCode =
  'fs/bad-socket' | 'fs/bad-front-end' | 'fs/bad-guest';

/** What a file system operation fails with, named as the kernel and `node:fs` name it. */
export type PosixErrorCode =
  | 'EPERM'
  | 'ENOENT'
  | 'EINTR'
  | 'EIO'
  | 'EBADF'
  | 'EACCES'
  | 'ENOTDIR'
  | 'EISDIR'
  | 'EINVAL'
  | 'ENFILE'
  | 'EROFS'
  | 'ERANGE'
  | 'ENAMETOOLONG'
  | 'ENOSYS'
  | 'ELOOP'
  | 'ENODATA'
  | 'EPROTO';

/** Every code that an error of this package carries. */
export type FsErrorCode = MountErrorCode | VirtiofsErrorCode | PosixErrorCode;

/** What an error may carry beside its message; `syscall` and `path` as errors of `node:fs` have them. */
export interface FsErrorOptions {
  readonly cause?: unknown;
  readonly syscall?: string;
  readonly path?: string;
}

const BRAND: unique symbol = Symbol.for('@tvix/fs/error');

/**
 * The one error class of this package: tell errors apart by `code`.
 *
 * `instanceof` holds across realms and duplicate installs.
 */
export class FsError extends Error {
  override readonly name: string = 'FsError';
  readonly code: FsErrorCode;
  declare readonly syscall?: string;
  declare readonly path?: string;

  constructor(
    code: FsErrorCode,
    message: string,
    options: FsErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    if (options.syscall !== undefined) this.syscall = options.syscall;
    if (options.path !== undefined) this.path = options.path;
    Object.defineProperty(this, BRAND, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}
