import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  it,
} from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHttpCache } from '../../src/daemon/http-cache.ts';
import type { HttpCache, HttpCacheFlags } from '../../src/daemon/http-cache.ts';
import { createLogger } from '../../src/logging.ts';
import { openStore } from '../../src/services.ts';
import { leaveStaleSocket } from './leave-stale-socket.ts';

const LOG = `${'0'.repeat(32)}-built.drv`;
const folder = mkdtempSync(join(tmpdir(), 'tvix-http-cache-'));
const NO_KEY = join(folder, 'no-key');
const running: HttpCache[] = [];
const records: { level: string; msg: string }[] = [];
const logger = createLogger({
  level: 'debug',
  json: true,
  colours: false,
  write: (line) => records.push(JSON.parse(line) as (typeof records)[number]),
});

afterEach(async () => {
  records.length = 0;
  for (const cache of running.splice(0)) await cache.stop(AbortSignal.abort());
});

beforeAll(() => writeFileSync(NO_KEY, 'nonsense\n'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(flags: HttpCacheFlags): Promise<HttpCache | undefined> {
  const store = await openStore({
    blobs: 'memory:',
    directories: 'memory:',
    pathInfos: 'memory:',
  });
  const cache = await startHttpCache(flags, store, logger);
  if (cache !== undefined) running.push(cache);
  return cache;
}

/** A port of this machine that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('the binary cache of a daemon', () => {
  it.each<[string, HttpCacheFlags]>([
    ['--http-tokens', { httpTokens: '/tokens' }],
    ['--upstream', { upstream: ['https://cache.example'] }],
    ['--no-mass-query', { massQuery: false }],
    ['--require-trusted-signature', { requireTrustedSignature: true }],
  ])('refuses %s without a listener', async (flag, flags) => {
    await expect(start(flags)).rejects.toMatchObject({
      code: 'cli/usage',
      message: expect.stringContaining(`${flag} is about`),
    });
    expect(await start({ massQuery: true })).toBeUndefined();
  });

  it('is not there where nobody asks for it', async () => {
    expect(await start({})).toBeUndefined();
  });

  it('tells where it listens, and answers there with the priority that it was given', async () => {
    const cache = await start({
      httpListen: ['127.0.0.1:0', join(folder, 'http.sock')],
      priority: '7',
    });
    const [url, socket] = cache!.addresses;
    expect(socket).toBe(`http://${join(folder, 'http.sock')}`);
    const answer = await fetch(`${url}/nix-cache-info`);
    expect(await answer.text()).toContain('Priority: 7\n');
    expect(records.map(({ msg }) => msg)).toContain('request');
  });

  it('tells clients not to ask for many paths where it is told so', async () => {
    const cache = await start({
      httpListen: ['127.0.0.1:0'],
      massQuery: false,
    });
    const answer = await fetch(`${cache!.addresses[0]}/nix-cache-info`);
    expect(await answer.text()).toContain('WantMassQuery: 0\n');
  });

  it.each([
    ['127.0.0.1', 200],
    ['0.0.0.0', 401],
  ])(
    'answers an upload without a token at %s with %i',
    async (host, status) => {
      const port = await freePort();
      await start({ httpListen: [`${host}:${port}`] });
      const url = `http://127.0.0.1:${port}`;
      const body = await (await fetch(`${url}/nix-cache-info`)).text();
      const answer = await fetch(`${url}/nix-cache-info`, {
        method: 'PUT',
        body,
      });
      expect(answer.status).toBe(status);
    },
  );

  it('tells people the address that it is given, or its own', async () => {
    const port = await freePort();
    const httpListen = [`127.0.0.1:${port}`];
    const own = `http://127.0.0.1:${port}`;
    const given = 'https://example.org/cache';
    for (const [flags, expected] of [
      [{ httpListen }, own],
      [{ httpListen, httpUrl: given }, given],
    ] as const) {
      const cache = await start(flags);
      expect(await (await fetch(`${own}/`)).text()).toContain(
        `extra-substituters = ${expected}`,
      );
      await cache!.stop();
    }
  });

  it('logs no password of an upstream', async () => {
    const cache = await start({
      httpListen: ['127.0.0.1:0'],
      upstream: [`http://me:secret@127.0.0.1:${await freePort()}`],
    });
    const none = `${cache!.addresses[0]}/${'0'.repeat(32)}.narinfo`;
    expect((await fetch(none)).status).toBe(404);
    expect(records.map(({ msg }) => msg)).toContain('the upstream failed');
    expect(JSON.stringify(records)).not.toContain('secret');
  });

  it('stops, though a client keeps its connection', async () => {
    const cache = await start({ httpListen: ['127.0.0.1:0'] });
    await (await fetch(`${cache!.addresses[0]}/health`)).text();
    await cache!.stop();
    await expect(fetch(`${cache!.addresses[0]}/health`)).rejects.toThrow();
    await cache!.stop();
  });

  it('cuts transfers off that are not over in time, and says so', async () => {
    const cache = await start({ httpListen: ['127.0.0.1:0'] });
    const { port } = new URL(cache!.addresses[0]!);
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => undefined);
    const closed = once(socket, 'close');
    socket.write(
      `PUT /log/${LOG} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n`,
    );
    await once(socket, 'data');
    expect(await cache!.stop(undefined, 1)).toBe(false);
    await closed;
    expect(records.map(({ msg }) => msg)).toContain(
      'transfers that did not finish were cut off',
    );
    expect(await cache!.stop()).toBe(true);
    // The upload tells how it ended once its socket is gone.
    while (!records.some(({ msg }) => msg === 'the client went away'))
      await turn();
    expect(records.map(({ msg }) => msg)).not.toContain('failed');
  });

  it('keeps what is uploaded beside paths where it is told to, and warns where it keeps it nowhere', async () => {
    const put = (url: string): Promise<Response> =>
      fetch(`${url}/log/${LOG}`, { method: 'PUT', body: 'built' });
    const get = async (url: string): Promise<number> =>
      (await fetch(`${url}/log/${LOG}`)).status;
    const kept = {
      httpListen: ['127.0.0.1:0'],
      httpState: join(folder, 'state'),
    };
    for (const [flags, after] of [
      [kept, 200],
      [{ httpListen: ['127.0.0.1:0'] }, 404],
    ] as const) {
      records.length = 0;
      const first = await start(flags);
      expect((await put(first!.addresses[0]!)).status).toBe(200);
      await first!.stop();
      const second = await start(flags);
      expect(await get(second!.addresses[0]!)).toBe(after);
      const warnings = records.filter(({ level }) => level === 'warn');
      expect(warnings.length).toBe(after === 200 ? 0 : 2);
    }
  });

  it('warns where it believes an upstream without keys', async () => {
    await start({
      httpListen: ['127.0.0.1:0'],
      upstream: ['http://127.0.0.1:1?priority=3'],
    });
    expect(records.map(({ level }) => level)).toContain('warn');
  });

  const wrong: [string, HttpCacheFlags, string][] = [
    ['a priority that is none', { priority: 'high' }, 'cli/usage'],
    ['a listen address of gRPC alone', { httpListen: ['stdio'] }, 'cli/usage'],
    ['a certificate without its key', { httpTlsCert: 'x' }, 'cli/usage'],
    [
      'files that are no certificate and key',
      { httpTlsCert: NO_KEY, httpTlsKey: NO_KEY },
      'cli/usage',
    ],
    ['a file that is not there', { signKey: [join(folder, 'none')] }, 'cli/io'],
    ['a file that holds no key', { signKey: [NO_KEY] }, 'cli/usage'],
    [
      'a trusted key that is none',
      { trustedPublicKey: ['nonsense'] },
      'nar/invalid-key',
    ],
    [
      'an upstream that is none',
      { upstream: ['ftp://example.org'] },
      'store/invalid-upstream',
    ],
  ];
  for (const [what, flags, code] of wrong) {
    it(`is refused with ${what}`, async () => {
      const all = { httpListen: ['127.0.0.1:0'], ...flags };
      await expect(start(all)).rejects.toMatchObject({ code });
    });
  }

  it('is refused with tokens that make no sense', async () => {
    const file = join(folder, 'tokens');
    writeFileSync(file, 'nonsense\n');
    await expect(
      start({ httpListen: ['127.0.0.1:0'], httpTokens: file }),
    ).rejects.toMatchObject({ code: 'store/invalid-tokens' });
  });

  it('replaces the socket file of a daemon that was killed, and no other', async () => {
    const path = join(folder, 'killed.sock');
    leaveStaleSocket(path);
    expect(await start({ httpListen: [path] })).toBeDefined();
    await expect(start({ httpListen: [path] })).rejects.toMatchObject({
      code: 'cli/address-in-use',
    });
  });

  it('is refused at an address that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(
      start({ httpListen: ['127.0.0.1:0', `127.0.0.1:${port}`] }),
    ).rejects.toMatchObject({ code: 'cli/address-in-use' });
    other.close();
  });
});
