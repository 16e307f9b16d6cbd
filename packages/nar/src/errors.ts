/**
 * What went wrong, as a stable string. Codes are part of the interface; messages are not.
 */
export type NarErrorCode =
  // the archive
  | 'nar/unexpected-eof'
  | 'nar/invalid-data'
  | 'nar/invalid-padding'
  | 'nar/invalid-name'
  | 'nar/invalid-target'
  | 'nar/unordered-entries'
  | 'nar/too-deep'
  | 'nar/trailing-data'
  | 'nar/invalid-input'
  // the text formats
  | 'nar/invalid-base32'
  | 'nar/invalid-base64'
  | 'nar/invalid-hash'
  | 'nar/invalid-content-address'
  | 'nar/invalid-store-path'
  | 'nar/invalid-reference'
  | 'nar/invalid-narinfo'
  | 'nar/invalid-signature'
  | 'nar/invalid-key'
  | 'nar/unsupported-crypto';

/**
 * The family of a code: bytes that end too early, bytes that break a rule, a caller who breaks the writer's grammar, or
 * a runtime that lacks Ed25519.
 */
export type NarErrorKind =
  'unexpected-eof' | 'invalid-data' | 'invalid-input' | 'unsupported';

/**
 * Facts about a failure for programs: `reason` names the exact rule within a code, `position` is a byte or character
 * offset, `index` counts list items, `field` is a narinfo key.
 */
export interface NarErrorDetails {
  readonly reason?: string;
  readonly position?: number;
  readonly index?: number;
  readonly field?: string;
}

/** What may accompany a {@link NarError}: the facts, and the error that it stems from. */
export interface NarErrorOptions {
  readonly details?: NarErrorDetails;
  readonly cause?: unknown;
}

const BRAND = Symbol.for('@tvix/nar/error');

/**
 * The one error class of this package. `instanceof` holds across realms and duplicate installs, because it tests a
 * registered brand. Nothing here is worth a retry: the same bytes fail again.
 */
export class NarError extends Error {
  override readonly name = 'NarError';
  readonly code: NarErrorCode;
  readonly details: NarErrorDetails;
  readonly retryable = false;

  constructor(
    code: NarErrorCode,
    message: string,
    options: NarErrorOptions = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.details = options.details ?? {};
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** The family that {@link code} belongs to. */
  get kind(): NarErrorKind {
    switch (this.code) {
      case 'nar/unexpected-eof':
        return 'unexpected-eof';
      case 'nar/invalid-input':
      case 'nar/invalid-reference':
        return 'invalid-input';
      case 'nar/unsupported-crypto':
        return 'unsupported';
      default:
        return 'invalid-data';
    }
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}
