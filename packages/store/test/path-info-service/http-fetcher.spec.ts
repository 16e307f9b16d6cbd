import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { HttpFetcher } from '../../src/path-info-service/http-fetcher.ts';
import { collect } from '../fixtures.ts';

/** A server whose file of 100 bytes comes a byte at a time, as long as somebody takes it. */
async function drippingServer(): Promise<
  AsyncDisposable & { url: URL; closed: Promise<unknown> }
> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Length': 100 });
    const drip = setInterval(() => response.write('.'), 10);
    response.on('close', () => {
      clearInterval(drip);
      server.emit('gone');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}/file`),
    closed: once(server, 'gone'),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('HttpFetcher', () => {
  it('gives up a server that is never silent, and never done', async () => {
    await using server = await drippingServer();
    const limits = { slowWindowMs: 100, slowBytes: 90 };
    const body = await new HttpFetcher(limits).open(server.url);
    await expect(collect(body!)).rejects.toMatchObject({
      code: 'store/upstream-unavailable',
      cause: { code: 'store/slow-sender' },
    });
    await server.closed;
  });

  it('waits for one that is slow, but fast enough', async () => {
    await using server = await drippingServer();
    const limits = { slowWindowMs: 60_000, slowBytes: 1 };
    const body = await new HttpFetcher(limits).open(server.url);
    expect(await collect(body!)).toHaveLength(100);
  });
});
