import type { ServerInterceptingCall, ServerInterceptor } from '@grpc/grpc-js';
import { Status } from 'nice-grpc';
import type { Logger } from '../logging.ts';

/** What gets the events of a call; grpc-js doesn't export the name of the type. */
type CallListener = Parameters<ServerInterceptingCall['start']>[0];

/**
 * Logs each call when it ends: its method, peer, status and duration. It costs a little for each call, so install it only
 * where debug records are wanted, and before other interceptors, so that it sees the status that is sent.
 */
export function logRequests(logger: Logger): ServerInterceptor {
  return ({ path }, call) => {
    const started = performance.now();
    let isLogged = false;
    const log = (status: Status | null | undefined): void => {
      // Every call is cancelled at last, when its stream closes.
      if (isLogged) return;
      isLogged = true;
      logger.debug(
        {
          method: path,
          peer: call.getPeer(),
          status: Status[status ?? Status.UNKNOWN],
          ms: Math.round((performance.now() - started) * 1000) / 1000,
        },
        'request',
      );
    };
    const sendStatus = call.sendStatus.bind(call);
    call.sendStatus = (status) => {
      log(status.code);
      sendStatus(status);
    };
    const start = call.start.bind(call);
    call.start = (listener) =>
      start(withCancelHook(listener, () => log(Status.CANCELLED)));
    return call as ServerInterceptingCall;
  };
}

function withCancelHook(
  listener: CallListener,
  onCancel: () => void,
): CallListener {
  return {
    onReceiveMetadata: (metadata) => listener.onReceiveMetadata(metadata),
    onReceiveMessage: (message) => listener.onReceiveMessage(message),
    onReceiveHalfClose: () => listener.onReceiveHalfClose(),
    onCancel() {
      onCancel();
      listener.onCancel();
    },
  };
}
