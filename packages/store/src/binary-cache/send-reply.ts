import type { IncomingMessage, ServerResponse } from 'node:http';
import { notFound } from './reply.ts';
import type { Reply } from './reply.ts';

/** How a reply goes out. */
export interface SendOptions {
  /** Without its body, as HEAD wants it. */
  readonly isHead: boolean;
  /** Ends the connection afterwards: what is left of the request's body isn't read. */
  readonly closes: boolean;
  readonly signal: AbortSignal;
}

/**
 * Writes a reply. One with its body at hand goes out in one write together with its head. A body that fails, or isn't as
 * long as it was said to be, ends the connection, so that nobody takes what they got for the whole.
 */
export async function sendReply(
  { status, headers = {}, body, stream }: Reply,
  request: IncomingMessage,
  response: ServerResponse,
  { isHead, closes, signal }: SendOptions,
): Promise<void> {
  const all: Record<string, string | number> = { ...headers };
  // HTTP/2 has no such header.
  if (closes && request.httpVersionMajor < 2) all['Connection'] = 'close';
  if (stream !== undefined) {
    const bytes = isHead ? [] : await stream.open(signal);
    if (bytes === undefined) {
      const absent = notFound('no longer there');
      return sendReply(absent, request, response, { isHead, closes, signal });
    }
    if (stream.length !== undefined) all['Content-Length'] = stream.length;
    response.writeHead(status, all);
    if (isHead) response.end();
    else await sendStream(bytes, stream.length, response, signal);
    return;
  }
  const hasBody = status !== 304 && status !== 204;
  if (hasBody)
    all['Content-Length'] = body === undefined ? 0 : Buffer.byteLength(body);
  response.writeHead(status, all);
  response.end(hasBody && !isHead ? body : undefined);
}

async function sendStream(
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  length: number | undefined,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  let sent = 0;
  for await (const piece of bytes) {
    signal.throwIfAborted();
    sent += piece.length;
    if (length !== undefined && sent > length) break;
    if (!response.write(piece)) await drained(response, signal);
  }
  if (length !== undefined && sent !== length) {
    throw new Error(
      `a body of ${length} bytes was announced, it has ${sent > length ? 'more' : sent}`,
    );
  }
  response.end();
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onDrain = (): void => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
    const onAbort = (): void => {
      response.removeListener('drain', onDrain);
      reject(signal.reason as Error);
    };
    if (signal.aborted) return onAbort();
    response.once('drain', onDrain);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
