/**
 * The one place that makes channels and servers, with the limits that both keep.
 *
 * HTTP/2 grants a sender 64 KiB before it has to wait for the receiver. Here that is wide enough to keep a network busy;
 * what it costs is memory, up to the stream's window for each stream and the connection's for each connection.
 */
import type { ServerHttp2Session } from 'node:http2';
import {
  ChannelCredentials,
  Channel as GrpcJsChannel,
  connectivityState,
} from '@grpc/grpc-js';
import type {
  Channel,
  ChannelOptions,
  ServerInterceptingCall,
  ServerInterceptor,
  ServerOptions,
} from '@grpc/grpc-js';
import { Status, createServer } from 'nice-grpc';
import type { Server } from 'nice-grpc';
import { CastoreError } from '../errors.ts';
import { SplitChannel } from './split-channel.ts';
import { isMessageTooLarge } from './status.ts';

/** Longest message that either side takes, in bytes. Sending isn't limited. */
export const MAX_MESSAGE_BYTES: number = 4 * 1024 * 1024;

const STREAM_WINDOW_BYTES = 2 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 8 * 1024 * 1024;
/** Node sends frames of 16 KiB whatever we allow; peers that use what they are granted put faster. */
const MAX_FRAME_BYTES = 256 * 1024;

/** Where a server is. */
export type GrpcEndpoint =
  | { readonly type: 'unix'; readonly path: string }
  | {
      readonly type: 'tcp';
      /** A name, an IPv4 address, or an IPv6 address in brackets. */
      readonly host: string;
      readonly port: number;
      /** TLS against the system's certificates. */
      readonly tls: boolean;
    };

/**
 * Makes a channel; it connects when it is first used. Whoever makes it closes it.
 *
 * It has two connections, one for what is sent and one for what is received (see {@link SplitChannel}).
 */
export function createGrpcChannel(endpoint: GrpcEndpoint): Channel {
  const channel = new SplitChannel(
    openChannel(endpoint, {}),
    openChannel(endpoint, {
      'grpc-node.flow_control_window': CONNECTION_WINDOW_BYTES,
    }),
  );
  // grpc-js knows channels as a class with a private field, which only its own methods look at.
  return channel as unknown as Channel;
}

function openChannel(endpoint: GrpcEndpoint, options: ChannelOptions): Channel {
  const isSecure = endpoint.type === 'tcp' && endpoint.tls;
  return new GrpcJsChannel(
    endpoint.type === 'unix'
      ? `unix://${endpoint.path}`
      : `dns:${endpoint.host}:${endpoint.port}`,
    isSecure
      ? ChannelCredentials.createSsl()
      : ChannelCredentials.createInsecure(),
    {
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_send_message_length': -1,
      // Not more often than the strictest servers take from everybody.
      'grpc.keepalive_time_ms': 5 * 60_000,
      'grpc.keepalive_timeout_ms': 20_000,
      'grpc.enable_channelz': 0,
      // Channels must not share a connection behind their backs: closing one would not end it.
      'grpc.use_local_subchannel_pool': 1,
      ...options,
    },
  );
}

/**
 * Connects now, instead of at the first call.
 *
 * @throws CastoreError `castore/unavailable` as soon as a connection attempt fails, or after the time
 */
export async function connectChannel(
  channel: Channel,
  timeoutMs = 20_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.READY) return;
    if (state === connectivityState.TRANSIENT_FAILURE)
      throw unavailable(channel, 'the connection failed');
    await new Promise<void>((resolve, reject) => {
      channel.watchConnectivityState(state, deadline, (error) => {
        if (error === undefined) resolve();
        else reject(unavailable(channel, 'no connection in time', error));
      });
    });
  }
}

/**
 * Makes a server without services. Add services and then `listen('host:port')` or `listen('unix:///path')`.
 *
 * Messages beyond {@link MAX_MESSAGE_BYTES} are answered OUT_OF_RANGE. Silent peers are found out and dropped within a
 * minute.
 */
export function createGrpcServer(): Server {
  return createServer(grpcServerOptions());
}

/** What {@link createGrpcServer} sets, for a server that is made otherwise. */
export function grpcServerOptions(): ServerOptions {
  return {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': 256,
    'grpc.keepalive_time_ms': 40_000,
    'grpc.keepalive_timeout_ms': 15_000,
    // Not without channelz: that is where grpc-js finds the connections to end at a forced shutdown (seen in 1.14.7).
    interceptors: [widenWindows(), answerOutOfRange],
  };
}

/**
 * grpc-js has no option for a server's windows, so the first call of each connection widens them. The call's stream is a
 * private field of grpc-js (seen in 1.14.7): should it move, windows stay small and nothing else changes.
 */
function widenWindows(): ServerInterceptor {
  const widened = new WeakSet<ServerHttp2Session>();
  return (_method, call) => {
    const { session } =
      (call as { stream?: { session?: ServerHttp2Session } }).stream ?? {};
    if (session !== undefined && !session.destroyed && !widened.has(session)) {
      widened.add(session);
      session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
      session.settings({
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxFrameSize: MAX_FRAME_BYTES,
      });
    }
    return call as ServerInterceptingCall;
  };
}

/** grpc-js reports messages beyond the limit as RESOURCE_EXHAUSTED; the servers of this protocol say OUT_OF_RANGE. */
const answerOutOfRange: ServerInterceptor = (_method, call) => {
  const sendStatus = call.sendStatus.bind(call);
  // The limit is checked below all interceptors, so that only the call's own method sees this status.
  call.sendStatus = (status) =>
    sendStatus(
      isMessageTooLarge(status)
        ? { ...status, code: Status.OUT_OF_RANGE }
        : status,
    );
  return call as ServerInterceptingCall;
};

function unavailable(
  channel: Channel,
  what: string,
  cause?: unknown,
): CastoreError {
  return new CastoreError(
    'castore/unavailable',
    `${channel.getTarget()}: ${what}`,
    { cause },
  );
}
