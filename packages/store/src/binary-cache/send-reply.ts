import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Reply, ReplyStream } from './reply.ts';

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
    if (stream.length !== undefined) all['Content-Length'] = stream.length;
    response.writeHead(status, all);
    if (isHead) response.end();
    else await sendStream(stream, response, signal);
    return;
  }
  const hasBody = status !== 304 && status !== 204;
  if (hasBody)
    all['Content-Length'] = body === undefined ? 0 : Buffer.byteLength(body);
  response.writeHead(status, all);
  response.end(hasBody && !isHead ? body : undefined);
}

async function sendStream(
  stream: ReplyStream,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  let sent = 0;
  for await (const piece of stream.open(signal)) {
    signal.throwIfAborted();
    sent += piece.length;
    if (stream.length !== undefined && sent > stream.length) break;
    if (!response.write(piece)) await drained(response, signal);
  }
  if (stream.length !== undefined && sent !== stream.length) {
    throw new Error(
      `a body of ${stream.length} bytes was announced, it has ${sent > stream.length ? 'more' : sent}`,
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
