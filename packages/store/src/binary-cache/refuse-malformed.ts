import type { Duplex } from 'node:stream';
import { StoreError } from '../errors.ts';
import type { ServedRequest } from './served-request.ts';

/** What is said of a sender that went away in the middle of a request: whoever reads its body is told of that. */
const GONE: ReadonlySet<string | undefined> = new Set([
  'ECONNRESET',
  'EPIPE',
  'HPE_INVALID_EOF_STATE',
]);

/** What went wrong with a head, and how that is answered. */
interface Refusal {
  readonly status: number;
  readonly phrase: string;
  readonly error: StoreError;
}

/**
 * Answers what is no request, or one whose head is too long or comes in too slowly, and ends the connection. Nothing is
 * said while an earlier answer goes out: it would be taken for a part of that. Tells what it did; `undefined` where the
 * sender has gone.
 */
export function refuseMalformed(
  cause: Error & { readonly code?: string },
  socket: Duplex,
  isAnswering: boolean,
): ServedRequest | undefined {
  if (!socket.writable || GONE.has(cause.code)) {
    socket.destroy();
    return undefined;
  }
  const { status, phrase, error } = refusalOf(cause);
  const served = { method: '', path: '', durationMs: 0, error };
  if (isAnswering) {
    socket.destroy();
    return { ...served, status: undefined };
  }
  socket.end(
    `HTTP/1.1 ${status} ${phrase}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
  );
  return { ...served, status };
}

function refusalOf(cause: Error & { readonly code?: string }): Refusal {
  switch (cause.code) {
    case 'HPE_HEADER_OVERFLOW':
      return {
        status: 431,
        phrase: 'Request Header Fields Too Large',
        error: new StoreError(
          'store/limit-exceeded',
          'the head of a request is too long',
          { cause },
        ),
      };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return {
        status: 408,
        phrase: 'Request Timeout',
        error: new StoreError(
          'store/slow-sender',
          'the head of a request comes in too slowly',
          { cause },
        ),
      };
    default:
      return {
        status: 400,
        phrase: 'Bad Request',
        error: new StoreError(
          'store/malformed-request',
          'what came in is no HTTP request',
          { cause },
        ),
      };
  }
}
