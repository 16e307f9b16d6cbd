import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { TokenAccess } from '../../src/binary-cache/tokens.ts';
import { storeTree } from '../fixtures.ts';
import {
  addTree,
  fileName,
  memoryServices,
  narInfoOf,
  narOf,
  StartedCache,
} from './started-cache.ts';

let cache: StartedCache;
const sockets: Socket[] = [];

beforeEach(async () => {
  cache = await StartedCache.start(
    {},
    {
      limits: {
        headersTimeoutMs: 200,
        slowBodyWindowMs: 200,
        idleTimeoutMs: 5000,
      },
    },
  );
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await cache[Symbol.asyncDispose]();
});

function raw(): Socket {
  const socket = connect(cache.port, '127.0.0.1');
  socket.on('error', () => {});
  sockets.push(socket);
  return socket;
}

/** Everything that comes until the server ends the connection. */
async function toEnd(socket: Socket): Promise<string> {
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  await once(socket, 'close');
  return Buffer.concat(pieces).toString();
}

describe('the server', () => {
  it('refuses a head that is too long', async () => {
    const socket = raw();
    const answer = toEnd(socket);
    socket.write(
      `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`,
    );
    expect(await answer).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('refuses a head that comes in too slowly', async () => {
    const socket = raw();
    const answer = toEnd(socket);
    socket.write('GET / HTTP/1.1\r\n');
    expect(await answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('refuses what is no request', async () => {
    const socket = raw();
    const answer = toEnd(socket);
    socket.write('nonsense\r\n\r\n');
    expect(await answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('says nothing of what is no request into the middle of an answer', async () => {
    const writer = cache.services.blobs.openWrite();
    const size = 32 * 1024 * 1024;
    await writer.write(new Uint8Array(size).fill(0x2e));
    const { storePath } = await addTree(cache.services, 'large', {
      type: 'file',
      digest: await writer.close(),
      size: BigInt(size),
      executable: false,
    });
    const socket = raw();
    socket.write(
      `GET /serve/${storePath.hashPart} HTTP/1.1\r\nHost: x\r\n\r\n`,
    );
    // It goes out as long as nobody reads it to its end.
    await once(socket, 'readable');
    socket.write('nonsense\r\n\r\n');
    while (cache.served.length === 0) await new Promise(setImmediate);
    const text = await toEnd(socket);
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toMatch(/^\.*$/);
  });

  it('refuses a body that comes in too slowly, with a status that is not repeated', async () => {
    const socket = raw();
    const answer = toEnd(socket);
    socket.write(
      `PUT /nar/${'0'.repeat(52)}.nar HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\nnix`,
    );
    expect(await answer).toMatch(/^HTTP\/1\.1 4(?!08|29)\d\d [^]*too slowly/);
  });

  it('ends the connection after an early answer, since the body may still come', async () => {
    const socket = raw();
    const answer = toEnd(socket);
    socket.write(
      `PUT /${'7'.repeat(32)}.ls HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`,
    );
    const text = await answer;
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(text).toContain('Connection: close');
    expect(text).not.toContain('100 Continue');
  });

  it('keeps the connection after a refusal whose body it has read', async () => {
    const socket = raw();
    let text = '';
    socket.on('data', (piece: Buffer) => (text += piece.toString()));
    const path = `/${'7'.repeat(32)}.narinfo`;
    const request = `PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nwrong`;
    socket.write(request + request);
    while (text.split('HTTP/1.1 400').length < 3) await once(socket, 'data');
    expect(text).not.toContain('Connection: close');
  });

  it('lets go of connections that have said nothing, or half of a head, when it stops', async () => {
    const [silent, half] = [raw(), raw()];
    await Promise.all([once(silent, 'connect'), once(half, 'connect')]);
    half.write('GET / HTTP/1.1\r\nHo');
    // Once this is answered, the server knows of both.
    await cache.get('/health');
    const ends = [once(silent, 'close'), once(half, 'close')];
    silent.resume();
    half.resume();
    cache.server.closeIdleConnections();
    await Promise.all(ends);
    expect([silent.destroyed, half.destroyed]).toStrictEqual([true, true]);
  });

  it('sends a small answer in one piece', async () => {
    const socket = raw();
    socket.write('GET /nix-cache-info HTTP/1.1\r\nHost: x\r\n\r\n');
    const [piece] = (await once(socket, 'data')) as [Buffer];
    expect(piece.toString()).toMatch(/^HTTP\/1\.1 200 [^]*Priority: 30\n$/);
  });

  it('lets go of everything when clients vanish in the middle of downloads and uploads', async () => {
    const { services } = cache;
    const large = new Uint8Array(8 * 1024 * 1024);
    const [digest] = await services.blobs.putMany([large]);
    const info = await addTree(services, 'large', {
      type: 'file',
      digest: digest!,
      size: BigInt(large.length),
      executable: false,
    });
    const url = `/nar/${info.storePath.hashPart}.nar`;
    for (let i = 0; i < 20; i++) {
      const down = raw();
      down.write(`GET ${url} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await once(down, 'data');
      down.resetAndDestroy();
      const up = raw();
      up.write(
        `PUT /nar/${'0'.repeat(52)}.nar HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n`,
      );
      await once(up, 'data');
      up.write('\x0d\0\0\0\0\0\0\0nix-archive-1\0\0\0');
      up.resetAndDestroy();
    }
    while (cache.served.length < 40)
      await new Promise((resolve) => setImmediate(resolve));
    const open = await new Promise((resolve) =>
      cache.server.getConnections((_, count) => resolve(count)),
    );
    expect(open).toBe(0);
    expect(cache.served.every(({ error }) => error !== undefined)).toBe(true);
    expect(cache.served.every(({ isAbandoned }) => isAbandoned)).toBe(true);
  });

  it('shows nothing of an upload that is cut off', async () => {
    const services = memoryServices();
    const nar = await narOf(services, await storeTree('complicated', services));
    const socket = raw();
    socket.write(
      `PUT /${fileName(nar)} HTTP/1.1\r\nHost: x\r\nContent-Length: ${nar.length}\r\n\r\n`,
    );
    socket.resume();
    socket.end(nar.subarray(0, 300));
    await once(socket, 'close');
    const { storePath, text } = narInfoOf(nar);
    expect((await cache.ask('HEAD', `/${fileName(nar)}`)).status).toBe(404);
    const commit = await cache.put(`/${storePath.hashPart}.narinfo`, text);
    expect(commit.status).toBe(400);
  });
});

describe('a failure of the store', () => {
  it('is not taken for a client that went away', async () => {
    const services = memoryServices();
    services.pathInfos.get = async () => {
      throw new Error('the disk is gone');
    };
    await using failing = await StartedCache.start({}, {}, services);
    const path = `/${'0'.repeat(32)}.ls`;
    expect((await failing.get(path)).status).toBe(500);
    expect(failing.served).toMatchObject([{ isAbandoned: false }]);
  });
});

describe('tokens', () => {
  const sha256 = (text: string): string =>
    createHash('sha256').update(text).digest('hex');
  const basic = (login: string) =>
    `Basic ${Buffer.from(login).toString('base64')}`;
  const access = TokenAccess.parse(
    `# who\nci read,write sha256:${sha256('secret')}\n\nlook read sha256:${sha256('looking')}\n`,
  );

  it('grant what their line says, as bearer and as password', () => {
    for (const header of [
      'Bearer secret',
      basic('anyone:secret'),
      'bearer secret',
    ])
      expect(access.check('write', header)).toBeUndefined();
    expect(access.check('read', basic(':looking'))).toBeUndefined();
    expect(access.check('write', 'Bearer looking')?.status).toBe(403);
  });

  it('are needed where nothing is granted to everybody', () => {
    for (const header of [
      undefined,
      'Bearer wrong',
      'Basic !',
      'Digest secret',
      basic('secret'),
    ])
      expect(access.check('read', header)?.status).toBe(401);
    const open = TokenAccess.parse('anonymous read');
    expect(open.check('read', undefined)).toBeUndefined();
    expect(open.check('write', undefined)?.status).toBe(401);
  });

  it('are needed for uploads of web pages, whatever is granted to everybody', async () => {
    const open = TokenAccess.parse(
      `anonymous read,write\nci write sha256:${sha256('secret')}\n`,
    );
    await using cache = await StartedCache.start({}, { access: open });
    const path = `/${'7'.repeat(32)}.ls`;
    const page = { Origin: 'http://page.example:8080' };
    const authorized = { ...page, Authorization: 'Bearer secret' };
    expect((await cache.put(path, '{}')).status).toBe(200);
    expect((await cache.put(path, '{}', page)).status).toBe(403);
    expect((await cache.put(path, '{}', authorized)).status).toBe(200);
  });

  it('keep an upload without them from getting past its head', async () => {
    await using closed = await StartedCache.start({}, { access });
    const { status, continued } = await closed.put('/nix-cache-info', 'x', {
      Expect: '100-continue',
    });
    expect([status, continued]).toStrictEqual([401, false]);
    expect((await closed.get('/nix-cache-info')).status).toBe(401);
  });

  it.each([
    'ci write',
    'ci all sha256:00',
    `ci write sha256:${'g'.repeat(64)}`,
    'anonymous all',
  ])('are refused as %s', (line) => {
    expect(() => TokenAccess.parse(`# first\n${line}`)).toThrow(
      expect.objectContaining({
        code: 'store/invalid-tokens',
        details: { line: 2 },
      }),
    );
  });
});
