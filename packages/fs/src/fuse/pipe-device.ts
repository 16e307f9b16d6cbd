import { connect, Socket } from 'node:net';
import type { Device, OnRequest } from './device.ts';

interface PipeHandle {
  open(fd: number): number | undefined;
}

/**
 * Reads requests through libuv's handle for pipes, which polls and reads any descriptor that is given to it: what is
 * left where koffi isn't. Each `read` of the device is one request, so each chunk is too.
 */
export class PipeDevice implements Device {
  readonly #socket: Socket;

  constructor(fd: number) {
    const Pipe = pipeConstructor();
    const handle = new Pipe(0);
    handle.open(fd);
    this.#socket = new Socket({
      handle,
      readable: true,
      writable: false,
    } as object);
  }

  serve(onRequest: OnRequest): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.on('data', onRequest);
      // ENODEV is how a mount ends. Closing follows.
      this.#socket.on('error', () => undefined);
      this.#socket.on('close', () => resolve());
    });
  }

  answered(): void {
    // The event loop sees the next request by itself.
  }

  stop(): void {
    this.#socket.destroy();
  }
}

/** Node has no name for the class of its pipe handles; every local socket has one inside. */
function pipeConstructor(): new (type: number) => PipeHandle {
  const socket = connect({ path: '\0tvix-fs-nobody-listens-here' });
  socket.on('error', () => undefined);
  const { _handle: handle } = socket as unknown as {
    _handle: { constructor: new (type: number) => PipeHandle };
  };
  socket.destroy();
  return handle.constructor;
}
