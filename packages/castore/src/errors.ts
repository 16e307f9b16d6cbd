/**
 * What a failure is at heart; the gRPC status of a code follows from it (see `grpc/status.ts`).
 *
 * - `invalid`: the caller's input breaks a rule; the same call will fail again.
 * - `missing`: something that had to be there isn't. Plain absence is `undefined`, not this.
 * - `corrupt`: stored or received bytes are not what their digest says.
 * - `storage`: the storage below failed.
 * - `exhausted`: a limit or the disk is full; reads go on.
 * - `refused`: the state of the store or the destination forbids it.
 * - `unavailable`: the other side can't be reached now; worth another try.
 */
export type CastoreErrorKind =
  | 'invalid'
  | 'missing'
  | 'corrupt'
  | 'storage'
  | 'exhausted'
  | 'refused'
  | 'unavailable';

/** Every error code of this package, with its kind. Codes are stable; messages are not. */
export const CASTORE_ERROR_KINDS = {
  'castore/invalid-digest-length': 'invalid',
  'castore/invalid-name': 'invalid',
  'castore/invalid-symlink-target': 'invalid',
  'castore/invalid-node': 'invalid',
  'castore/wrong-sorting': 'invalid',
  'castore/duplicate-name': 'invalid',
  'castore/size-overflow': 'invalid',
  'castore/undecodable': 'invalid',
  'castore/no-node': 'invalid',
  'castore/child-not-sent': 'invalid',
  'castore/wrong-child-size': 'invalid',
  'castore/nothing-put': 'invalid',
  'castore/limit-exceeded': 'invalid',
  'castore/invalid-address': 'invalid',
  'castore/malformed-tree': 'invalid',
  'castore/wrong-size': 'corrupt',
  'castore/closed': 'refused',
  'castore/blob-not-found': 'missing',
  'castore/directory-not-found': 'missing',
  'castore/corrupt-blob': 'corrupt',
  'castore/corrupt-directory': 'corrupt',
  'castore/corrupt-store': 'corrupt',
  'castore/io': 'storage',
  'castore/store-failed': 'storage',
  'castore/no-space': 'exhausted',
  'castore/store-locked': 'refused',
  'castore/store-format': 'refused',
  'castore/store-read-only': 'refused',
  'castore/collection-running': 'refused',
  'castore/remote': 'storage',
  'castore/remote-rejected': 'invalid',
  'castore/remote-refused': 'refused',
  'castore/protocol': 'storage',
  'castore/unavailable': 'unavailable',
  'castore/unsupported-file-type': 'invalid',
  'castore/unable-to-stat': 'storage',
  'castore/unable-to-open': 'storage',
  'castore/unable-to-read': 'storage',
  'castore/file-changed': 'refused',
  'castore/destination-exists': 'refused',
  'castore/unable-to-write': 'storage',
} as const;

/** A stable code that says what went wrong; `docs/errors.md` explains each. */
export type CastoreErrorCode = keyof typeof CASTORE_ERROR_KINDS;

/** What an error may carry beside its message. */
export interface CastoreErrorOptions {
  /** What brought it about, unchanged. */
  readonly cause?: unknown;
  /** Values for programs: a digest, a name, a path, a limit. */
  readonly details?: Readonly<Record<string, unknown>>;
}

const BRAND: unique symbol = Symbol.for('@tvix/castore/error');

/**
 * The one error class of this package: tell errors apart by `code`.
 *
 * `instanceof` holds across realms and duplicate installs.
 */
export class CastoreError extends Error {
  override readonly name: string = 'CastoreError';
  readonly code: CastoreErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: CastoreErrorCode,
    message: string,
    options: CastoreErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** What the failure is at heart. */
  get kind(): CastoreErrorKind {
    return CASTORE_ERROR_KINDS[this.code];
  }

  /** Whether the same call may succeed later without anybody changing anything. */
  get retryable(): boolean {
    return this.kind === 'unavailable';
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}
