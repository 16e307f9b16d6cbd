import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  memoryServices,
  narInfoOf,
  narOf,
} from '../binary-cache/started-cache.ts';

/** The size of the one file that it has, in bytes. */
export const SLOW_FILE_BYTES = 2_000_000;

/** A binary cache with one path, whose NAR comes when the test says. */
export class SlowUpstream implements AsyncDisposable {
  /** The paths of URLs. */
  readonly asked: string[] = [];
  /** The answers that wait for the NAR to be sent. */
  readonly #waiting: ServerResponse[] = [];
  readonly #server: Server;
  readonly nar: Buffer;
  readonly info: ReturnType<typeof narInfoOf>;

  private constructor(nar: Buffer) {
    this.nar = nar;
    this.info = narInfoOf(nar);
    this.#server = createServer((request, response) => {
      this.asked.push(request.url!);
      if (request.url!.endsWith('.narinfo')) response.end(this.info.text);
      else {
        this.#waiting.push(response.writeHead(200));
        this.#server.emit('asked');
      }
    });
  }

  static async start(): Promise<SlowUpstream> {
    const there = memoryServices();
    const writer = there.blobs.openWrite();
    await writer.write(Buffer.alloc(SLOW_FILE_BYTES, 'some contents '));
    const digest = await writer.close();
    const size = BigInt(SLOW_FILE_BYTES);
    const nar = await narOf(there, {
      type: 'file',
      digest,
      size,
      executable: false,
    });
    const upstream = new SlowUpstream(nar);
    upstream.#server.listen(0, '127.0.0.1');
    await once(upstream.#server, 'listening');
    return upstream;
  }

  get url(): URL {
    const { port } = this.#server.address() as AddressInfo;
    return new URL(`http://127.0.0.1:${port}`);
  }

  /** The NAR's answer, once it was asked for. */
  async answer(): Promise<ServerResponse> {
    if (this.#waiting.length === 0) await once(this.#server, 'asked');
    return this.#waiting[0]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
