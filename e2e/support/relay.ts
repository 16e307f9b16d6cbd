import { createServer, request } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { freePort } from './free-port.ts';

/** A request that a relay passes on. */
export interface Relayed {
  readonly path: string;
  readonly range: string | undefined;
}

/** What a relay does to the body of an answer. */
export type Disturbance = 'break-off' | 'flip-a-byte';

/** Where a disturbance happens. */
const DISTURBED_AT = 100_000;

/** Stands between a client and a daemon, remembers what is asked for, and disturbs answers where it is told to. */
export class Relay {
  readonly asked: Relayed[] = [];
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(
    to: string,
    disturb: (request: Relayed) => Disturbance | undefined,
  ): Promise<Relay> {
    const port = await freePort();
    const server = createServer();
    const relay = new Relay(server, port);
    server.on('request', (incoming: IncomingMessage, response) => {
      const path = incoming.url!;
      const asked = { path, range: incoming.headers.range };
      const how = incoming.method === 'GET' ? disturb(asked) : undefined;
      if (incoming.method === 'GET') relay.asked.push(asked);
      const { method, headers } = incoming;
      const onward = request(`${to}${path}`, { method, headers }, (answer) =>
        passOn(answer, response, how),
      );
      response.on('close', () => onward.destroy());
      onward.on('error', () => response.destroy());
      onward.end();
    });
    await new Promise<void>((resolve) =>
      server.listen(port, '127.0.0.1', resolve),
    );
    return relay;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function passOn(
  answer: IncomingMessage,
  response: ServerResponse,
  how: Disturbance | undefined,
): void {
  response.writeHead(answer.statusCode!, answer.headers);
  let sent = 0;
  answer.on('data', (piece: Buffer) => {
    const at = DISTURBED_AT - sent;
    const isHere = how !== undefined && at >= 0 && at < piece.length;
    sent += piece.length;
    if (isHere && how === 'flip-a-byte') piece[at]! ^= 1;
    if (isHere && how === 'break-off')
      response.write(piece.subarray(0, at), () => response.destroy());
    else response.write(piece);
  });
  answer.on('end', () => response.end());
}
