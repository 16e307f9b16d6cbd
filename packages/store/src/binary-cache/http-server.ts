import type {
  IncomingHttpHeaders,
  IncomingMessage,
  ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import type { BinaryCache } from './binary-cache.ts';
import { failureReply, uploadFailureReply } from './failure-reply.ts';
import { notFound, textReply } from './reply.ts';
import type { Reply } from './reply.ts';
import { requestBody } from './request-body.ts';
import { parseRequestPath } from './request-path.ts';
import type { RequestPath } from './request-path.ts';
import type { CacheRequest, Upload } from './resource.ts';
import { refuseMalformed } from './refuse-malformed.ts';
import { isAtHand, sendReply, sendWhole } from './send-reply.ts';
import type { ServedRequest } from './served-request.ts';
import type { ServerLimits } from './server-limits.ts';
import {
  breakOff,
  createCacheServer,
  DEFAULT_IDLE_MS,
  refuseRest,
  watchSilence,
} from './server-sockets.ts';
import type { CacheServer, TlsFiles } from './server-sockets.ts';
import type { Access } from './tokens.ts';

/** Settings of {@link createBinaryCacheServer}. */
export interface BinaryCacheServerOptions {
  /** Who may read and write. */
  readonly access: Access;
  readonly limits?: ServerLimits;
  /** To be served over TLS. */
  readonly tls?: TlsFiles;
  /** Told of each request once it is over. */
  readonly onRequest?: (request: ServedRequest) => void;
}

/** A body that is left is read up to so many bytes, so that the client sees the reply and keeps the connection. */
const MAX_DRAINED_BYTES = 8 * 1024 * 1024;

/** An HTTP server of a binary cache that listens to nothing yet. */
export function createBinaryCacheServer(
  cache: BinaryCache,
  options: BinaryCacheServerOptions,
): CacheServer {
  const server = createCacheServer(options.limits ?? {}, options.tls);
  const answer = (
    request: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
  ): void => {
    new Exchange(cache, options, request, response, expectsContinue).run();
  };
  server.on('request', (request: IncomingMessage, response: ServerResponse) =>
    answer(request, response, false),
  );
  server.on(
    'checkContinue',
    (request: IncomingMessage, response: ServerResponse) =>
      answer(request, response, true),
  );
  server.on('clientError', (error: Error, socket: Duplex) => {
    const refused = refuseMalformed(error, socket, server.isAnswering(socket));
    if (refused !== undefined) options.onRequest?.(refused);
  });
  return server;
}

/** One request and its response. */
class Exchange implements CacheRequest {
  readonly #cache: BinaryCache;
  readonly #options: BinaryCacheServerOptions;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #expectsContinue: boolean;
  #gone: AbortController | undefined;
  readonly #start = performance.now();
  #path: RequestPath | undefined;
  #bodyIsBegun = false;
  #failure: unknown;

  constructor(
    cache: BinaryCache,
    options: BinaryCacheServerOptions,
    request: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
  ) {
    this.#cache = cache;
    this.#options = options;
    this.#request = request;
    this.#response = response;
    this.#expectsContinue = expectsContinue;
  }

  get headers(): IncomingHttpHeaders {
    return this.#request.headers;
  }

  get query(): URLSearchParams {
    return this.#path!.query;
  }

  get signal(): AbortSignal {
    this.#gone ??= this.#watchClient();
    return this.#gone.signal;
  }

  /** What is answered at once is sent at once: a narinfo that is at hand takes less time than watching over it would. */
  run(): void {
    let answer: Reply | Promise<Reply>;
    try {
      answer = this.#answer();
      if (isAtHand(answer) && !this.#bodyIsLeft) {
        const isHead = this.#isHead;
        sendWhole(answer, this.#response, { isHead, closes: false });
        return this.#report();
      }
    } catch (error) {
      answer = Promise.reject(error as Error);
    }
    void this.#finish(answer);
  }

  async #finish(answer: Reply | Promise<Reply>): Promise<void> {
    const response = this.#response;
    // From the first turn on: whoever went away before anybody asked would not be missed.
    const { signal } = this;
    // However long an answer takes to be made, the connection waits for it.
    watchSilence(this.#request, response, 0);
    this.#request.on('error', () => {
      // Whoever reads the body sees it.
    });
    try {
      await this.#send(await answer);
    } catch (error) {
      this.#failure = error;
      if (response.headersSent || signal.aborted) breakOff(response);
      else await this.#send(failureReply(error)).catch(() => undefined);
    }
    this.#report();
  }

  #watchClient(): AbortController {
    const gone = new AbortController();
    const response = this.#response;
    response.on('close', () => {
      if (!response.writableFinished)
        gone.abort(new Error('the client went away'));
    });
    return gone;
  }

  #answer(): Reply | Promise<Reply> {
    const { method = 'GET', url = '/', headers } = this.#request;
    const isWrite = method === 'PUT';
    if (!isWrite && method !== 'GET' && method !== 'HEAD')
      return textReply(405, `no ${method} here`, { Allow: 'GET, HEAD, PUT' });
    const denied = this.#options.access.check(
      isWrite ? 'write' : 'read',
      headers.authorization,
    );
    if (denied !== undefined) return denied;
    // A browser here reaches what is open to this machine alone, for any page that makes its name point here. It names the
    // page with each upload (Fetch standard, `Origin`), which Nix never does.
    const { origin, authorization } = headers;
    if (isWrite && origin !== undefined && authorization === undefined)
      return textReply(403, 'a web page uploads with a token or not at all');

    const path = (this.#path = parseRequestPath(url));
    if (path === undefined) return textReply(400, 'malformed path');
    const resource = this.#cache.resourceAt(path);
    if (resource === undefined) return notFound('no such resource');
    if (isWrite) {
      return resource.put === undefined
        ? textReply(405, 'nothing is uploaded here', { Allow: 'GET, HEAD' })
        : this.#upload(resource.put);
    }
    return resource.get === undefined
      ? textReply(405, 'nothing to read here', { Allow: 'PUT' })
      : resource.get(this);
  }

  async #upload(upload: Upload): Promise<Reply> {
    const length = Number(this.#request.headers['content-length'] ?? 0);
    if (length > upload.maxBytes)
      return textReply(413, `no more than ${upload.maxBytes} bytes`);
    const early = await upload.admit?.(this);
    if (early !== undefined) return early;

    if (this.#expectsContinue) this.#response.writeContinue();
    this.#bodyIsBegun = true;
    const { slowBodyWindowMs = 30_000, slowBodyBytes = 64 * 1024 } =
      this.#options.limits ?? {};
    const body = requestBody(this.#request, {
      maxBytes: upload.maxBytes,
      windowMs: slowBodyWindowMs,
      minBytes: slowBodyBytes,
    });
    try {
      return await upload.take(this, body);
    } catch (error) {
      if (this.signal.aborted) throw error;
      this.#failure = error;
      return uploadFailureReply(error);
    }
  }

  async #send(reply: Reply): Promise<void> {
    const request = this.#request;
    // Without 100-continue the client keeps the body; with one that is short it is quicker to read on.
    const closes = !(await this.#bodyIsOver());
    const { idleTimeoutMs = DEFAULT_IDLE_MS } = this.#options.limits ?? {};
    watchSilence(request, this.#response, idleTimeoutMs);
    if (closes) refuseRest(this.#response);
    await sendReply(reply, this.#response, {
      isHead: this.#isHead,
      closes,
      signal: this.signal,
    });
  }

  get #isHead(): boolean {
    return this.#request.method === 'HEAD';
  }

  get #bodyIsLeft(): boolean {
    return this.#request.method === 'PUT' && !this.#request.complete;
  }

  /** Whether the next request can follow on the same connection. */
  async #bodyIsOver(): Promise<boolean> {
    const request = this.#request;
    if (!this.#bodyIsLeft) return true;
    if (this.#expectsContinue && !this.#bodyIsBegun) return false;
    const length = Number(request.headers['content-length'] ?? Infinity);
    if (length > MAX_DRAINED_BYTES) return false;
    try {
      const rest = requestBody(request, {
        maxBytes: MAX_DRAINED_BYTES,
        windowMs: 2000,
        minBytes: 64 * 1024,
      });
      while (!(await rest.next()).done);
      return true;
    } catch {
      return false;
    }
  }

  #report(): void {
    const error = this.#failure;
    const { method = '', url = '' } = this.#request;
    this.#options.onRequest?.({
      method,
      path: url,
      status: this.#response.headersSent
        ? this.#response.statusCode
        : undefined,
      durationMs: performance.now() - this.#start,
      ...(error !== undefined && {
        error,
        isAbandoned:
          error === this.#gone?.signal.reason || isResetByPeer(error),
      }),
    });
  }
}

/** What reading a body fails with where the connection went away; whatever else connects has errors of its own. */
function isResetByPeer(error: unknown): boolean {
  return (error as { readonly code?: unknown } | null)?.code === 'ECONNRESET';
}
