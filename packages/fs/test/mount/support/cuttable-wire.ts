import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { once } from 'node:events';

/** A local socket that leads to another one, until it is cut. */
export class CuttableWire {
  readonly #from: string;
  readonly #to: string;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(from: string, to: string) {
    this.#from = from;
    this.#to = to;
  }

  /** Leads on, again if it was cut. */
  async join(): Promise<void> {
    this.#server = createServer((near) => {
      const far = connect(this.#to);
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on('close', () => this.#sockets.delete(socket));
        socket.on('error', () => undefined);
      }
      near.pipe(far).pipe(near);
    });
    this.#server.listen(this.#from);
    await once(this.#server, 'listening');
  }

  /** Ends every connection; nobody can make another. */
  cut(): void {
    this.#server?.close();
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
  }
}
