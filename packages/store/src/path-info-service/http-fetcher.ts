import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { CallOptions } from '@tvix/castore';
import { drain } from '../binary-cache/drain.ts';
import { requestBody } from '../binary-cache/request-body.ts';
import { decodeContent } from '../compression/decode-content.ts';
import { StoreError } from '../errors.ts';
import type { Netrc } from './netrc.ts';
import { withoutLogin } from './without-login.ts';

/** How files are fetched from another server. */
export interface HttpFetcherOptions {
  /** Who we are, by host. */
  readonly netrc?: Netrc;
  /** How long a connection may take to be made, and then be silent until the body is read. 15 s where left out. */
  readonly timeoutMs?: number;
  /** A server must send `slowBytes` in each such time in which we wait for it. 30 s and 64 KiB where left out. */
  readonly slowWindowMs?: number;
  readonly slowBytes?: number;
}

const DEFAULT_SLOW_WINDOW_MS = 30_000;
const DEFAULT_SLOW_BYTES = 64 * 1024;
const DEFAULT_TIMEOUT_MS = 15_000;
const MAX_REDIRECTS = 10;
const MAX_ENCODED_BYTES = Number.MAX_SAFE_INTEGER;
const ABSENT: ReadonlySet<number> = new Set([403, 404, 410]);
/** A longer body, or one that takes longer, costs more than a new connection. */
const MAX_UNREAD_BYTES = 64 * 1024;
const MAX_UNREAD_MS = 1000;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Fetches files over HTTP: redirects, passwords, time-outs, and what each status means. */
export class HttpFetcher {
  readonly #options: HttpFetcherOptions;

  constructor(options: HttpFetcherOptions = {}) {
    this.#options = options;
  }

  /**
   * The body of a file without its `Content-Encoding`; `undefined` where there is none. Whoever stops reading early
   * ends the connection.
   *
   * @throws StoreError `store/upstream-refused`, `store/upstream-unavailable`, `store/unsupported-compression`; the
   *   signal's reason
   */
  async open(
    url: URL,
    options: CallOptions = {},
  ): Promise<AsyncIterable<Uint8Array> | undefined> {
    let at = url;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const response = await this.#request(at, url, options.signal);
      const { statusCode = 0, headers } = response;
      if (statusCode === 200) {
        const body = this.#readBody(response, at, options.signal);
        try {
          return decodeContent(headers['content-encoding'], body, {
            maxBytes: MAX_ENCODED_BYTES,
          });
        } catch (error) {
          response.destroy();
          throw error;
        }
      }
      await leave(response);
      options.signal?.throwIfAborted();
      if (ABSENT.has(statusCode)) return undefined;
      if (!REDIRECTS.has(statusCode) || headers.location === undefined)
        throw refused(at, `answered ${statusCode}`, statusCode);
      at = redirected(headers.location, at);
    }
    throw refused(url, `more than ${MAX_REDIRECTS} redirects`);
  }

  async *#readBody(
    response: IncomingMessage,
    url: URL,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const {
      slowWindowMs = DEFAULT_SLOW_WINDOW_MS,
      slowBytes = DEFAULT_SLOW_BYTES,
    } = this.#options;
    // From now on the server is watched while it is waited for: whoever reads may take their time.
    response.setTimeout(0);
    try {
      yield* requestBody(response, {
        maxBytes: Number.MAX_SAFE_INTEGER,
        windowMs: slowWindowMs,
        minBytes: slowBytes,
      });
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      throw unavailable(url, cause);
    } finally {
      response.destroy();
    }
  }

  #request(
    url: URL,
    first: URL,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> {
    const { netrc, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    // A password is for the host that it was given for, wherever that leads to.
    const fromUrl =
      url.origin === first.origin && first.username !== ''
        ? `${decodeURIComponent(first.username)}:${decodeURIComponent(first.password)}`
        : undefined;
    const login = fromUrl ?? netrc?.loginFor(url.hostname);
    return new Promise((resolve, reject) => {
      let isAnswered = false;
      const outgoing = request(url, {
        headers: {
          'User-Agent': 'tvix-store',
          'Accept-Encoding': 'identity',
          ...(login && {
            Authorization: `Basic ${Buffer.from(login).toString('base64')}`,
          }),
        },
        timeout: timeoutMs,
        ...(signal && { signal }),
      });
      outgoing.on('timeout', () =>
        outgoing.destroy(new Error(`silent for ${timeoutMs} ms`)),
      );
      outgoing.on('error', (cause) => {
        if (signal?.aborted) reject(signal.reason);
        // A server may give up a connection in the moment in which it is used again.
        else if (!isAnswered && outgoing.reusedSocket && isHangUp(cause))
          this.#request(url, first, signal).then(resolve, reject);
        else reject(unavailable(url, cause));
      });
      outgoing.on('response', (response) => {
        isAnswered = true;
        resolve(response);
      });
      outgoing.end();
    });
  }
}

/** Reads what nobody wants of an answer, so that its connection can be used again; hangs up where that takes long. */
async function leave(response: IncomingMessage): Promise<void> {
  try {
    const limits = {
      maxBytes: MAX_UNREAD_BYTES,
      windowMs: MAX_UNREAD_MS,
      minBytes: Infinity,
    };
    await drain(requestBody(response, limits));
  } catch {
    // The status was all that mattered.
  } finally {
    response.destroy();
  }
}

function isHangUp(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ECONNRESET' || error.code === 'EPIPE';
}

function redirected(location: string, from: URL): URL {
  let to: URL;
  try {
    to = new URL(location, from);
  } catch {
    throw refused(from, 'a malformed redirect');
  }
  const isDowngrade = from.protocol === 'https:' && to.protocol !== 'https:';
  if ((to.protocol !== 'http:' && to.protocol !== 'https:') || isDowngrade)
    throw refused(from, `a redirect to ${to.protocol}`);
  return to;
}

function refused(url: URL, what: string, status?: number): StoreError {
  const shown = withoutLogin(url.href);
  return new StoreError('store/upstream-refused', `${shown}: ${what}`, {
    details: { url: shown, status },
  });
}

function unavailable(url: URL, cause: unknown): StoreError {
  const shown = withoutLogin(url.href);
  return new StoreError(
    'store/upstream-unavailable',
    `${shown} can't be reached`,
    { cause, details: { url: shown } },
  );
}
