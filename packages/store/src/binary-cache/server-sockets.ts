import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, createSecureServer } from 'node:http2';
import type { ServerHttp2Stream } from 'node:http2';
import type { Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Connections } from './connections.ts';
import type { ServerLimits } from './server-limits.ts';

/** A server that listens to nothing yet, whatever version of HTTP its connections will speak. */
export interface CacheServer extends Server {
  /** Ends connections that no request is under way on. */
  closeIdleConnections(): void;
  /** Whether a request is under way on any connection. */
  isBusy(): boolean;
  /** Whether a part of an answer may have gone out on a connection of HTTP/1.1, and not all of it. */
  isAnswering(socket: Duplex): boolean;
  /** Cuts all connections. */
  closeAllConnections(): void;
}

/** Certificate chain and key in PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** How long a connection may be silent where the limits leave it out. */
export const DEFAULT_IDLE_MS = 75_000;

/** So much of uploads may be on its way unread: one round trip a window is felt. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** Requests that one connection may make at a time: more than any client does (25). */
const MAX_STREAMS = 128;

/** HTTP/1.1 on plain sockets; over TLS also HTTP/2, for clients that ask for it. */
export function createCacheServer(
  limits: ServerLimits,
  tls: TlsFiles | undefined,
): CacheServer {
  const idleMs = limits.idleTimeoutMs ?? DEFAULT_IDLE_MS;
  const headersTimeout = limits.headersTimeoutMs ?? 20_000;
  const maxHeaderSize = limits.maxHeaderBytes ?? 16 * 1024;
  const settings = {
    maxHeaderSize,
    headersTimeout,
    // An upload may take hours: its speed is watched instead.
    requestTimeout: 0,
    keepAliveTimeout: idleMs,
    connectionsCheckingInterval: Math.min(5000, headersTimeout),
    noDelay: true,
  };
  const connections = new Connections();
  const server =
    tls === undefined
      ? createHttpServer(settings)
      : createTlsServer(settings, tls, connections);
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket) =>
    connections.add(socket as Socket),
  );
  for (const event of ['request', 'checkContinue'])
    server.on(event, ({ socket }: IncomingMessage, response: ServerResponse) =>
      connections.begin(socket, response),
    );
  server.maxConnections = limits.maxConnections ?? 1024;
  return Object.assign(server, {
    timeout: tls === undefined ? idleMs : 0,
    closeIdleConnections: () => connections.closeIdle(),
    isAnswering: (socket: Duplex) => connections.isAnswering(socket),
    isBusy: () => connections.isBusy,
    closeAllConnections: () => connections.closeAll(),
  });
}

function createTlsServer(
  settings: {
    readonly maxHeaderSize: number;
    readonly headersTimeout: number;
    readonly requestTimeout: number;
    readonly keepAliveTimeout: number;
    readonly connectionsCheckingInterval: number;
  },
  tls: TlsFiles,
  connections: Connections,
): Server {
  const { headersTimeout, keepAliveTimeout } = settings;
  const server = createSecureServer({
    ...settings,
    ...tls,
    allowHTTP1: true,
    handshakeTimeout: headersTimeout,
    settings: {
      maxConcurrentStreams: MAX_STREAMS,
      maxHeaderListSize: settings.maxHeaderSize,
      initialWindowSize: WINDOW_BYTES,
    },
  });
  server.on('session', (session) => {
    session.setLocalWindowSize(WINDOW_BYTES);
    connections.addSession(session);
    // Streams that are under way are finished before.
    session.setTimeout(keepAliveTimeout, () => session.close());
  });
  // For connections that speak HTTP/1.1: the constructor takes none of these.
  return Object.assign(server, settings);
}

/**
 * How long the other side may be silent from now on before it is given up; 0 for ever. Requests and responses of HTTP/2
 * have the face of those of HTTP/1.1, and a stream behind it.
 */
export function watchSilence(
  request: IncomingMessage,
  response: ServerResponse,
  ms: number,
): void {
  const stream = streamOf(response);
  if (stream === undefined) request.socket.setTimeout(ms);
  else stream.setTimeout(ms, () => stream.close(constants.NGHTTP2_CANCEL));
}

/** Ends a response so that nobody takes what they got for the whole. */
export function breakOff(response: ServerResponse): void {
  const stream = streamOf(response);
  if (stream === undefined) response.destroy();
  else stream.close(constants.NGHTTP2_INTERNAL_ERROR);
}

/** Tells a sender, once a response is out, that the rest of its body isn't wanted. */
export function refuseRest(response: ServerResponse): void {
  const stream = streamOf(response);
  response.on('finish', () => stream?.close(constants.NGHTTP2_NO_ERROR));
}

function streamOf(response: ServerResponse): ServerHttp2Stream | undefined {
  return (response as { readonly stream?: ServerHttp2Stream }).stream;
}
