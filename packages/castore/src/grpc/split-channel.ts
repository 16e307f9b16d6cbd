import type { Channel, connectivityState } from '@grpc/grpc-js';

/** Methods that send much and are answered briefly; all others ask briefly and may be answered at length. */
const UPLOADS = /\/(Put|FindMissing)$/;

/** What grpc-js asks of a channel. */
type ChannelMethods = Pick<Channel, keyof Channel>;

/**
 * One channel over two connections, one for each direction of bulk data.
 *
 * Node stops reading a connection while a write to it waits for room (node_http2.cc, `MaybeStopReading`). Two Node
 * processes that send each other more than the socket's buffers hold therefore wait for each other for ever, which windows
 * of HTTP/2 that are wider than these buffers allow. Here large messages go one way only on each connection: what flows
 * the other way always fits, so one side always reads.
 */
export class SplitChannel implements ChannelMethods {
  readonly #uploads: Channel;
  readonly #downloads: Channel;

  /** Both lead to the same server, and are closed with this. */
  constructor(uploads: Channel, downloads: Channel) {
    this.#uploads = uploads;
    this.#downloads = downloads;
  }

  close(): void {
    this.#uploads.close();
    this.#downloads.close();
  }

  getTarget(): string {
    return this.#downloads.getTarget();
  }

  getConnectivityState(tryToConnect: boolean): connectivityState {
    return this.#downloads.getConnectivityState(tryToConnect);
  }

  watchConnectivityState(
    ...args: Parameters<Channel['watchConnectivityState']>
  ): void {
    this.#downloads.watchConnectivityState(...args);
  }

  getChannelzRef(): ReturnType<Channel['getChannelzRef']> {
    return this.#downloads.getChannelzRef();
  }

  createCall(
    ...args: Parameters<Channel['createCall']>
  ): ReturnType<Channel['createCall']> {
    const [method] = args;
    const channel = UPLOADS.test(method) ? this.#uploads : this.#downloads;
    return channel.createCall(...args);
  }
}
