import { textReply } from './reply.ts';
import type { Reply } from './reply.ts';

/** Longest text of a failure: clients show no more. */
const MAX_TEXT = 900;

/** What a failure says about itself, if it is one of ours. */
interface KnownFailure {
  readonly code: string;
  readonly kind: string;
  readonly message: string;
}

function isKnown(error: unknown): error is KnownFailure {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    'kind' in error &&
    'message' in error
  );
}

/** Whether a failure is the sender's doing, so that nobody has to be told but the sender. */
export function isSendersFault(error: unknown): boolean {
  return (
    isKnown(error) &&
    [
      'invalid',
      'refused',
      'invalid-data',
      'unexpected-eof',
      'invalid-input',
    ].includes(error.kind)
  );
}

/**
 * The reply to a failed upload. Clients up to Nix 2.33 repeat an upload that was answered with 5xx, 408 or 429 without
 * its bytes, and hang: once a body was begun, every failure is a 4xx that they don't repeat.
 */
export function uploadFailureReply(error: unknown): Reply {
  if (!isKnown(error)) return textReply(409, 'could not be stored');
  switch (error.code) {
    case 'store/untrusted':
      return textReply(403, clip(error.message));
    case 'store/path-exists':
      return textReply(409, clip(error.message));
    case 'store/limit-exceeded':
      return textReply(413, clip(error.message));
    case 'castore/no-space':
      return textReply(413, 'no space is left on the server');
    default:
      return isSendersFault(error)
        ? textReply(400, clip(error.message))
        : textReply(409, 'could not be stored');
  }
}

/** The reply to a request that failed before anything was answered: details are for the log. */
export function failureReply(error: unknown): Reply {
  if (isKnown(error) && error.kind === 'unavailable')
    return textReply(503, 'not available now', { 'Retry-After': '5' });
  if (isKnown(error) && error.kind === 'exhausted')
    return textReply(503, 'no space is left on the server');
  return textReply(500, 'failed');
}

function clip(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`;
}
