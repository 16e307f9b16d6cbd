import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** Settings of a {@link FolderCache}. */
export interface FolderCacheOptions {
  /** `user:password`, without which nobody gets anything. */
  readonly login?: string;
}

/** A binary cache of somebody else: the files that the client wrote into a folder, below the path `/team/`. */
export class FolderCache implements AsyncDisposable {
  /** The paths of URLs that were asked for with the right login. */
  readonly asked: string[] = [];
  /** What is said in place of a file. */
  readonly changed: Map<string, string> = new Map();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(
    folder: string,
    { login }: FolderCacheOptions = {},
  ): Promise<FolderCache> {
    const authorization =
      login && `Basic ${Buffer.from(login).toString('base64')}`;
    const server = createServer((request, response) => {
      const path = request.url!;
      if (authorization && request.headers.authorization !== authorization)
        return void response.writeHead(401).end();
      cache.asked.push(path);
      if (!path.startsWith('/team/')) return void response.writeHead(404).end();
      try {
        const file = path.slice('/team/'.length);
        response.end(
          cache.changed.get(path) ?? readFileSync(join(folder, file)),
        );
      } catch {
        response.writeHead(404).end();
      }
    });
    const cache = new FolderCache(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return cache;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/team`;
  }

  /** How often each file whose path matches was asked for. */
  countAsked(pattern: RegExp): number[] {
    const counts = new Map<string, number>();
    for (const path of this.asked)
      if (pattern.test(path)) counts.set(path, (counts.get(path) ?? 0) + 1);
    return [...counts.values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
