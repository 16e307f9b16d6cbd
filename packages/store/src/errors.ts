import type { CastoreErrorKind } from '@tvix/castore';

/** What a failure is at heart: the same kinds as castore's, so that one mapping to gRPC statuses serves both. */
export type StoreErrorKind = CastoreErrorKind;

/** Every error code of this package, with its kind. Codes are stable; messages are not. */
export const STORE_ERROR_KINDS = {
  'store/undecodable': 'invalid',
  'store/invalid-reference-length': 'invalid',
  'store/invalid-nar-sha256-length': 'invalid',
  'store/inconsistent-reference-count': 'invalid',
  'store/invalid-reference-name': 'invalid',
  'store/inconsistent-reference-name': 'invalid',
  'store/invalid-deriver': 'invalid',
  'store/no-node': 'invalid',
  'store/invalid-root-node': 'invalid',
  'store/invalid-node-name': 'invalid',
  'store/invalid-output-hash-length': 'invalid',
  'store/invalid-signature': 'invalid',
  'store/invalid-ca-digest-length': 'invalid',
  'store/unknown-ca-type': 'invalid',
  'store/no-nar-form': 'invalid',
  'store/invalid-store-path-name': 'invalid',
  'store/no-base-name': 'invalid',
  'store/path-not-found': 'missing',
  'store/incomplete-tree': 'missing',
  'store/corrupt-path-info': 'corrupt',
  'store/protocol': 'storage',
  'store/hash-mismatch': 'invalid',
  'store/narinfo-refused': 'invalid',
  'store/invalid-pin': 'invalid',
  'store/nothing-to-pin': 'missing',
  'store/path-in-use': 'refused',
  'store/no-admin': 'refused',
  'store/path-exists': 'refused',
  'store/untrusted': 'refused',
  'store/invalid-realisation': 'invalid',
  'store/invalid-debug-info': 'invalid',
  'store/invalid-tokens': 'invalid',
  'store/corrupt-compression': 'invalid',
  'store/unsupported-compression': 'invalid',
  'store/limit-exceeded': 'invalid',
  'store/slow-sender': 'refused',
  'store/malformed-request': 'invalid',
  'store/unsupported': 'refused',
  'store/invalid-upstream': 'invalid',
  'store/upstream-refused': 'storage',
  'store/upstream-unavailable': 'unavailable',
  'store/upstream-corrupt': 'corrupt',
} as const;

/** A stable code that says what went wrong; `docs/errors.md` explains each. */
export type StoreErrorCode = keyof typeof STORE_ERROR_KINDS;

/** What an error may carry beside its message. */
export interface StoreErrorOptions {
  /** What brought it about, unchanged. */
  readonly cause?: unknown;
  /** Values for programs: an index, a length, a name, a store path. */
  readonly details?: Readonly<Record<string, unknown>>;
}

const BRAND: unique symbol = Symbol.for('@tvix/store/error');

/**
 * The one error class of this package: tell errors apart by `code`.
 *
 * `instanceof` holds across realms and duplicate installs.
 */
export class StoreError extends Error {
  override readonly name: string = 'StoreError';
  readonly code: StoreErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: StoreErrorCode,
    message: string,
    options: StoreErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** What the failure is at heart. */
  get kind(): StoreErrorKind {
    return STORE_ERROR_KINDS[this.code];
  }

  /** Whether the same call may succeed later without anybody changing anything. */
  get retryable(): boolean {
    return this.kind === 'unavailable';
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}
