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

/** A server of a file in two halves, the second of which waits for the reader; all other files never come. */
async function halvesServer(
  headers: Readonly<Record<string, string>> = {},
): Promise<
  AsyncDisposable & { url: URL; goOn: () => void; closed: Promise<unknown> }
> {
  let goOn = (): void => {};
  const server = createServer(({ url }, response) => {
    if (url !== '/file') return;
    response.writeHead(200, { ...headers, 'Content-Length': 100 });
    response.write('.'.repeat(50));
    goOn = () => response.end('.'.repeat(50));
    response.on('close', () => server.emit('gone'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}/file`),
    goOn: () => goOn(),
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

  it('does not count time against a server in which nobody reads', async () => {
    await using server = await halvesServer();
    const fetcher = new HttpFetcher({ timeoutMs: 50 });
    const body = (await fetcher.open(server.url))![Symbol.asyncIterator]();
    expect((await body.next()).value).toHaveLength(50);
    // As long as a server may be silent that is waited for.
    await expect(
      fetcher.open(new URL('/silent', server.url)),
    ).rejects.toMatchObject({ code: 'store/upstream-unavailable' });
    server.goOn();
    expect((await body.next()).value).toHaveLength(50);
    expect((await body.next()).done).toBe(true);
  });

  it('hangs up on a server that encodes as nobody can read', async () => {
    await using server = await halvesServer({ 'Content-Encoding': 'rot13' });
    const fetcher = new HttpFetcher({ timeoutMs: 600_000 });
    await expect(fetcher.open(server.url)).rejects.toMatchObject({
      code: 'store/unsupported-compression',
    });
    await server.closed;
  });
});
