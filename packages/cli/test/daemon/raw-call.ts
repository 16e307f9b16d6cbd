import { connect } from 'node:http2';
import type { ClientHttp2Session, IncomingHttpHeaders } from 'node:http2';
import type { Duplex } from 'node:stream';

/** What came back: the messages, and the status of the trailers. */
export interface RawAnswer {
  readonly messages: readonly Buffer[];
  readonly status: number;
}

/** gRPC over a connection that the caller made, without any gRPC library. */
export class RawClient {
  readonly #session: ClientHttp2Session;

  constructor(connection: Duplex) {
    this.#session = connect('http://localhost', {
      createConnection: () => connection,
    });
    this.#session.on('error', () => {}); // the call's stream tells
  }

  /** Sends the messages and waits for the status. */
  async call(
    path: string,
    messages: readonly Uint8Array[],
  ): Promise<RawAnswer> {
    const stream = this.#session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc+proto',
      te: 'trailers',
    });
    const trailers = new Promise<IncomingHttpHeaders>((resolve, reject) => {
      stream.on('error', reject);
      stream.on('trailers', resolve);
      stream.on('response', (headers) => {
        if (headers['grpc-status'] !== undefined) resolve(headers);
      });
    });
    for (const message of messages) {
      const header = Buffer.alloc(5);
      header.writeUInt32BE(message.length, 1);
      stream.write(Buffer.concat([header, message]));
    }
    stream.end();
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    const status = Number((await trailers)['grpc-status']);
    return { messages: split(Buffer.concat(chunks)), status };
  }

  close(): void {
    this.#session.destroy();
  }
}

function split(bytes: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32BE(at + 1);
    messages.push(bytes.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  return messages;
}
