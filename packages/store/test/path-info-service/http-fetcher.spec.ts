import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
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

/** A server that answers what it is told, and counts the connections that it was asked on. */
async function countingServer(
  answer: (url: string, response: ServerResponse) => void,
): Promise<AsyncDisposable & { url: URL; connections: () => number }> {
  const server = createServer(({ url = '' }, response) =>
    answer(url, response),
  );
  let connections = 0;
  server.on('connection', () => connections++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}/`),
    connections: () => connections,
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

  it.each([
    ['without a body', ''],
    ['with a page that says so', '<html>'.repeat(2000)],
  ])(
    'asks on one connection after absence, redirects, refusals and files (%s)',
    async (_, body) => {
      await using server = await countingServer((url, response) => {
        if (url === '/moved')
          response.writeHead(302, { Location: '/file' }).end(body);
        else if (url === '/file') response.end('contents');
        else response.writeHead(url === '/gone' ? 404 : 500).end(body);
      });
      const fetcher = new HttpFetcher();
      const at = (path: string): URL => new URL(path, server.url);
      for (let round = 0; round < 3; round++) {
        expect(await fetcher.open(at('/gone'))).toBeUndefined();
        await expect(fetcher.open(at('/fails'))).rejects.toMatchObject({
          code: 'store/upstream-refused',
        });
        const contents = await collect((await fetcher.open(at('/moved')))!);
        expect(Buffer.from(contents).toString()).toBe('contents');
      }
      expect(server.connections()).toBe(1);
    },
  );

  it('hangs up where what absence is told with has no end', async () => {
    let open = 0;
    await using server = await countingServer((url, response) => {
      open++;
      response.on('close', () => open--);
      response.writeHead(404);
      // The one says nothing more, the other all that is taken.
      if (url === '/silent') response.write('.');
      else {
        const more = (): void => {
          while (!response.destroyed && response.write('.'.repeat(10_000)));
        };
        response.on('drain', more);
        more();
      }
    });
    const fetcher = new HttpFetcher();
    for (const path of ['/silent', '/endless'])
      expect(await fetcher.open(new URL(path, server.url))).toBeUndefined();
    while (open > 0) await new Promise(setImmediate);
    expect(server.connections()).toBe(2);
  });

  it('asks again where a server gave up a connection that had been used before', async () => {
    let asked = 0;
    await using server = await countingServer((_, response) => {
      if (++asked === 2) response.destroy();
      else response.end('contents');
    });
    const fetcher = new HttpFetcher();
    for (let round = 0; round < 2; round++) {
      const contents = await collect((await fetcher.open(server.url))!);
      expect(Buffer.from(contents).toString()).toBe('contents');
    }
    expect(asked).toBe(3);
    expect(server.connections()).toBe(2);
  });

  it('does not ask again where a server hangs up at once', async () => {
    let asked = 0;
    await using server = await countingServer((_, response) => {
      asked++;
      response.destroy();
    });
    await expect(new HttpFetcher().open(server.url)).rejects.toMatchObject({
      code: 'store/upstream-unavailable',
    });
    expect(asked).toBe(1);
  });

  it('tells an abort while the body of an absent file is awaited', async () => {
    const aborting = new AbortController();
    await using server = await countingServer((_, response) => {
      response.writeHead(404).write('.');
    });
    const { signal } = aborting;
    const opened = new HttpFetcher().open(server.url, { signal });
    while (server.connections() === 0) await new Promise(setImmediate);
    aborting.abort(new Error('enough'));
    await expect(opened).rejects.toThrow('enough');
  });
});
