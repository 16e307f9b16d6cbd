import type { ServerResponse } from 'node:http';
import { notFound } from './reply.ts';
import type { Reply, ReplyStream } from './reply.ts';

/** How a reply goes out. */
export interface SendOptions {
  /** Without its body, as HEAD wants it. */
  readonly isHead: boolean;
  /** Ends the connection afterwards: what is left of the request's body isn't read. */
  readonly closes: boolean;
}

/** A reply whose body is at hand. */
export type WholeReply = Omit<Reply, 'stream'>;

/** Whether an answer can be sent at once. */
export function isAtHand(
  answer: Reply | PromiseLike<Reply>,
): answer is WholeReply {
  return !('then' in answer) && answer.stream === undefined;
}

/** Writes a reply whose body is at hand: it goes out in one write together with its head. */
export function sendWhole(
  { status, headers, body }: WholeReply,
  response: ServerResponse,
  { isHead, closes }: SendOptions,
): void {
  const all = headersOf(headers, response, closes);
  const hasBody = status !== 304 && status !== 204;
  if (hasBody)
    all['Content-Length'] = body === undefined ? 0 : Buffer.byteLength(body);
  response.writeHead(status, all);
  response.end(hasBody && !isHead ? body : undefined);
}

/**
 * Writes a reply. A body that fails, or isn't as long as it was said to be, ends the connection, so that nobody takes
 * what they got for the whole.
 */
export async function sendReply(
  reply: Reply,
  response: ServerResponse,
  options: SendOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const { status, headers, stream } = reply;
  if (stream === undefined) return sendWhole(reply, response, options);
  const { isHead, closes, signal } = options;
  const bytes = isHead ? [] : await stream.open(signal);
  if (bytes === undefined)
    return sendWhole(notFound('no longer there'), response, options);
  const all = headersOf(headers, response, closes);
  if (stream.length !== undefined) all['Content-Length'] = stream.length;
  response.writeHead(status, all);
  if (isHead) response.end();
  else await sendStream(bytes, stream, response, signal);
}

function headersOf(
  headers: Reply['headers'],
  { req }: ServerResponse,
  closes: boolean,
): Record<string, string | number> {
  const all: Record<string, string | number> = { ...headers };
  // HTTP/2 has no such header.
  if (closes && req.httpVersionMajor < 2) all['Connection'] = 'close';
  return all;
}

async function sendStream(
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { length, release }: Pick<ReplyStream, 'length' | 'release'>,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  let sent = 0;
  for await (const piece of bytes) {
    signal.throwIfAborted();
    sent += piece.length;
    if (length !== undefined && sent > length) break;
    const isWelcome = response.write(piece, (error) => {
      if (!error) release?.(piece);
    });
    if (!isWelcome) await drained(response, signal);
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
