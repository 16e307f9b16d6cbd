import type { ServerResponse } from 'node:http';
import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';

/**
 * The connections of a server, and what is under way on them. Node's own list has connections that haven't said anything
 * yet for busy ones, and none of HTTP/2.
 */
export class Connections {
  /** How many requests are under way on each connection of HTTP/1.1. */
  readonly #requests = new Map<Socket, number>();
  /** How many streams are open on each connection of HTTP/2. */
  readonly #sessions = new Map<ServerHttp2Session, number>();

  add(
    socket: Socket & { readonly alpnProtocol?: string | false | null },
  ): void {
    if (socket.alpnProtocol === 'h2') return;
    this.#requests.set(socket, 0);
    socket.on('close', () => this.#requests.delete(socket));
  }

  addSession(session: ServerHttp2Session): void {
    this.#sessions.set(session, 0);
    session.on('close', () => this.#sessions.delete(session));
    session.on('stream', (stream) => {
      count(this.#sessions, session, 1);
      stream.on('close', () => count(this.#sessions, session, -1));
    });
  }

  begin(socket: Socket, response: ServerResponse): void {
    // A request of HTTP/2 has another socket, and was counted as a stream.
    count(this.#requests, socket, 1);
    response.on('close', () => count(this.#requests, socket, -1));
  }

  /** Whether anything is under way. */
  get isBusy(): boolean {
    const all = [...this.#requests.values(), ...this.#sessions.values()];
    return all.some((count) => count > 0);
  }

  closeIdle(): void {
    for (const [socket, requests] of this.#requests)
      if (requests === 0) socket.destroy();
    for (const [session, streams] of this.#sessions)
      if (streams === 0) session.destroy();
      else session.close();
  }

  closeAll(): void {
    for (const socket of this.#requests.keys()) socket.destroy();
    for (const session of this.#sessions.keys()) session.destroy();
  }
}

function count<T>(counts: Map<T, number>, key: T, by: number): void {
  const found = counts.get(key);
  if (found !== undefined) counts.set(key, found + by);
}
