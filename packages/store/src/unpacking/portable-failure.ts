import { StoreError } from '../errors.ts';
import type { Failure } from './thread-messages.ts';

/** An error in a form that structured cloning keeps whole: of a class of our own it would keep the message alone. */
export function toFailure(error: unknown): Failure {
  if (!(error instanceof StoreError)) return { error };
  const { code, message, cause, details } = error;
  return { code, message, options: { cause, details } };
}

/** The error that {@link toFailure} was given, as far as it crossed over. */
export function fromFailure(failure: Failure): unknown {
  if (failure.code === undefined) return failure.error;
  return new StoreError(failure.code, failure.message, failure.options);
}
