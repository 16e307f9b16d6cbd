/**
 * The only place that knows how failures and gRPC statuses stand for each other, both ways.
 *
 * Errors are recognised by shape (a `code` of the form `package/reason` and one of the kinds of {@link CastoreErrorKind}), so
 * that other packages with error classes of their own answer the same statuses.
 */
import { ClientError, ServerError, Status } from 'nice-grpc';
import { CastoreError } from '../errors.ts';
import type { CastoreErrorCode, CastoreErrorKind } from '../errors.ts';

/** What a server may be told about answering failures. */
export interface ServerHooks {
  /**
   * Gets every error that isn't one of ours, before the peer is told UNKNOWN and nothing else. By default it becomes a
   * process warning.
   */
  readonly onUnexpectedError?: (error: unknown, method: string) => void;
}

/** How one method answers failures. */
export interface FailureOptions extends ServerHooks {
  /** The full name of the method, for the hook. */
  readonly method: string;
  /** Answers every failure with this status, whatever it is. */
  readonly always?: Status;
  /**
   * Where the method departs from the rule for a kind.
   *
   * `missing` must not be NOT_FOUND for a method whose NOT_FOUND says that the thing asked for doesn't exist: a damaged
   * store would look like an empty one.
   */
  readonly statuses?: Readonly<Partial<Record<CastoreErrorKind, Status>>>;
}

/** Status messages travel in an HTTP/2 header: longer ones are cut. */
const MAX_MESSAGE_LENGTH = 1024;

const STATUS_OF_KIND: Readonly<Record<CastoreErrorKind, Status>> = {
  invalid: Status.INVALID_ARGUMENT,
  missing: Status.DATA_LOSS,
  corrupt: Status.DATA_LOSS,
  storage: Status.DATA_LOSS,
  exhausted: Status.RESOURCE_EXHAUSTED,
  refused: Status.FAILED_PRECONDITION,
  unavailable: Status.UNAVAILABLE,
};

/** The status that answers a failure; to be thrown by a service implementation. */
export function failureToStatus(
  error: unknown,
  options: FailureOptions,
): ServerError {
  if (error instanceof ServerError) return error;
  if (isAbort(error))
    return new ServerError(Status.CANCELLED, 'the call was cancelled');
  if (!isKindred(error)) {
    (options.onUnexpectedError ?? warn)(error, options.method);
    return new ServerError(
      options.always ?? Status.UNKNOWN,
      'unexpected error',
    );
  }
  const status = options.always ?? statusOf(error, options);
  const message =
    status === Status.DATA_LOSS
      ? `storage error: ${error.message}`
      : error.message;
  return new ServerError(status, headerText(message));
}

/** NOT_FOUND, as the answer to a question for something that isn't stored. */
export function notFound(message: string): ServerError {
  return new ServerError(Status.NOT_FOUND, message);
}

/** Whether a client's call failed with this status. */
export function isStatus(error: unknown, status: Status): boolean {
  return error instanceof ClientError && error.code === status;
}

/**
 * What a client throws for a failed call. Errors of ours pass unchanged, and where the caller's own signal ended the
 * call, its reason does.
 *
 * The status is kept in `details.grpcStatus`: a server that stands in front of another passes it on.
 */
export function statusToFailure(error: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  if (!(error instanceof ClientError)) return error;
  return new CastoreError(codeOf(error), `remote: ${error.message}`, {
    cause: error,
    details: { grpcStatus: error.code },
  });
}

/** Whether grpc-js refused a message for its length, which it reports as RESOURCE_EXHAUSTED. */
export function isMessageTooLarge(status: {
  readonly code?: number | null;
  readonly details?: string | null;
}): boolean {
  return (
    status.code === Status.RESOURCE_EXHAUSTED &&
    /^Received message (larger than max|that decompresses to)/.test(
      status.details ?? '',
    )
  );
}

interface Kindred {
  readonly code: string;
  readonly kind: CastoreErrorKind;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

function isKindred(error: unknown): error is Kindred {
  if (typeof error !== 'object' || error === null) return false;
  const { code, kind } = error as Partial<Kindred>;
  return (
    typeof code === 'string' &&
    /^[a-z]+\/[a-z0-9-]+$/.test(code) &&
    typeof kind === 'string' &&
    kind in STATUS_OF_KIND
  );
}

function statusOf(error: Kindred, options: FailureOptions): Status {
  const upstream = error.details?.['grpcStatus'];
  // NOT_FOUND of another server's other question must not become this method's "doesn't exist".
  if (typeof upstream === 'number' && upstream !== Status.NOT_FOUND)
    return upstream;
  if (error.code.endsWith('/undecodable')) return Status.INTERNAL;
  return options.statuses?.[error.kind] ?? STATUS_OF_KIND[error.kind];
}

function codeOf(error: ClientError): CastoreErrorCode {
  if (isMessageTooLarge(error)) return 'castore/limit-exceeded';
  switch (error.code) {
    case Status.INVALID_ARGUMENT:
      return 'castore/remote-rejected';
    case Status.OUT_OF_RANGE:
      return 'castore/limit-exceeded';
    case Status.FAILED_PRECONDITION:
    case Status.PERMISSION_DENIED:
    case Status.UNAUTHENTICATED:
      return 'castore/remote-refused';
    case Status.RESOURCE_EXHAUSTED:
      return 'castore/no-space';
    // A call that we didn't cancel was cancelled by a server that goes away.
    case Status.CANCELLED:
    case Status.DEADLINE_EXCEEDED:
    case Status.ABORTED:
    case Status.UNAVAILABLE:
      return 'castore/unavailable';
    default:
      return 'castore/remote';
  }
}

/** Cut to length, and without half surrogate pairs, which can't be encoded. */
function headerText(message: string): string {
  return Buffer.from(message.slice(0, MAX_MESSAGE_LENGTH)).toString();
}

function isAbort(error: unknown): boolean {
  return (error as { readonly name?: unknown } | null)?.name === 'AbortError';
}

function warn(error: unknown, method: string): void {
  const stack = (error as { readonly stack?: unknown } | null)?.stack;
  process.emitWarning(
    `${method}: unexpected error: ${typeof stack === 'string' ? stack : String(error)}`,
  );
}
