import type { ServerResponse } from 'node:http';
import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * The connections of a server, and what is under way on them. Node's own list has connections that haven't said anything
 * yet for busy ones, and none of HTTP/2.
 */
export class Connections {
  /** The answers that are under way on each connection of HTTP/1.1. */
  readonly #responses = new Map<Duplex, Set<ServerResponse>>();
  /** How many streams are open on each connection of HTTP/2. */
  readonly #sessions = new Map<ServerHttp2Session, number>();

  add(
    socket: Socket & { readonly alpnProtocol?: string | false | null },
  ): void {
    if (socket.alpnProtocol === 'h2') return;
    this.#responses.set(socket, new Set());
    socket.on('close', () => this.#responses.delete(socket));
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
    const responses = this.#responses.get(socket);
    responses?.add(response);
    response.on('close', () => responses?.delete(response));
  }

  /** Whether a part of an answer may have gone out on a connection, and not all of it. */
  isAnswering(socket: Duplex): boolean {
    const responses = [...(this.#responses.get(socket) ?? [])];
    return responses.some(({ headersSent }) => headersSent);
  }

  /** Whether anything is under way. */
  get isBusy(): boolean {
    return (
      [...this.#responses.values()].some(({ size }) => size > 0) ||
      [...this.#sessions.values()].some((streams) => streams > 0)
    );
  }

  closeIdle(): void {
    for (const [socket, { size }] of this.#responses)
      if (size === 0) socket.destroy();
    for (const [session, streams] of this.#sessions)
      if (streams === 0) session.destroy();
      else session.close();
  }

  closeAll(): void {
    for (const socket of this.#responses.keys()) socket.destroy();
    for (const session of this.#sessions.keys()) session.destroy();
  }
}

function count<T>(counts: Map<T, number>, key: T, by: number): void {
  const found = counts.get(key);
  if (found !== undefined) counts.set(key, found + by);
}
