/** Every error code of this package. Codes are stable; messages are not. */
export type CliErrorCode =
  /** The command line doesn't make sense: exit code 2. */
  | 'cli/usage'
  /** Somebody listens there already. */
  | 'cli/address-in-use'
  /** The address can't be listened on. */
  | 'cli/cannot-listen'
  /** The service manager handed over no socket, or one of another kind. */
  | 'cli/socket-activation'
  /** Another process has the local store open. */
  | 'cli/store-in-use'
  /** No daemon answers at the default address. */
  | 'cli/no-daemon'
  /** The store has no such path, directory or blob. */
  | 'cli/not-found'
  /** Something exists but is of another type than the command takes. */
  | 'cli/wrong-type'
  /** Standard input, output or a file can't be read or written. */
  | 'cli/io'
  /** Whoever read the standard output has gone: the command ends quietly. */
  | 'cli/output-closed'
  /** A daemon or a mount was told to end before those who used it had finished. */
  | 'cli/cut-off'
  /** A command was told to end before it had finished; running it again goes on. */
  | 'cli/interrupted'
  /** One of several paths wasn't imported. */
  | 'cli/import-failed'
  /** Some of several items failed; each was reported by itself. */
  | 'cli/some-failed'
  /** The local store has damage; what of it was found is told before. */
  | 'cli/store-damaged';

const BRAND: unique symbol = Symbol.for('@tvix/cli/error');

/**
 * The one error class of this package: tell errors apart by `code`.
 *
 * `instanceof` holds across realms and duplicate installs.
 */
export class CliError extends Error {
  override readonly name: string = 'CliError';
  readonly code: CliErrorCode;

  constructor(
    code: CliErrorCode,
    message: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}
