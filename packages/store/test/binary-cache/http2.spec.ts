import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:http2';
import type { ClientHttp2Session, OutgoingHttpHeaders } from 'node:http2';
import { PathInfo } from '../../src/path-info/path-info.ts';
import { storeTree } from '../fixtures.ts';
import {
  addTree,
  fileName,
  narInfoOf,
  narOf,
  memoryServices,
  StartedCache,
} from './started-cache.ts';
import { TEST_CERTIFICATE } from './test-certificate.ts';

let cache: StartedCache;
let session: ClientHttp2Session;

beforeEach(async () => {
  cache = await StartedCache.start({}, { tls: TEST_CERTIFICATE });
  session = connect(`https://127.0.0.1:${cache.port}`, {
    rejectUnauthorized: false,
    // MiB that a client may have on their way.
    maxSessionMemory: 100,
  });
  await once(session, 'connect');
});

afterEach(async () => {
  session.destroy();
  await cache[Symbol.asyncDispose]();
});

/** One request on the connection that all share. */
async function ask(
  method: string,
  path: string,
  body?: Uint8Array | string,
): Promise<{ status: number; body: Buffer }> {
  const headers: OutgoingHttpHeaders = { ':method': method, ':path': path };
  if (body !== undefined) headers['content-length'] = Buffer.byteLength(body);
  const stream = session.request(headers);
  stream.end(body);
  const [answer] = (await once(stream, 'response')) as [{ ':status': number }];
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return { status: answer[':status'], body: Buffer.concat(pieces) };
}

describe('over HTTP/2', () => {
  it('a path is uploaded and downloaded, with many requests on one connection', async () => {
    const other = memoryServices();
    const nar = await narOf(other, await storeTree('complicated', other));
    expect((await ask('PUT', `/${fileName(nar)}`, nar)).status).toBe(200);
    const { storePath, text } = narInfoOf(nar);
    const narInfo = `/${storePath.hashPart}.narinfo`;
    expect((await ask('PUT', narInfo, text)).status).toBe(200);
    const answers = await Promise.all(
      Array.from({ length: 25 }, () =>
        ask('GET', `/nar/${storePath.hashPart}.nar`),
      ),
    );
    for (const { body } of answers) expect(nar.equals(body)).toBe(true);
  });

  it('a NAR that can not be told whole never ends as if it were', async () => {
    const { services } = cache;
    const node = await storeTree('helloWorld', services);
    if (node.type !== 'file') throw new Error('a file was made');
    const info = await addTree(services, 'truncated', node);
    const lying = { ...node, size: node.size + 8n };
    await services.pathInfos.put(
      PathInfo.create(info.storePath, lying, info.narInfo!),
    );
    await expect(
      ask('GET', `/nar/${info.storePath.hashPart}.nar`),
    ).rejects.toThrow('INTERNAL_ERROR');
    expect((await ask('GET', '/health')).status).toBe(200);
  });

  it('a body that nobody wants is given up, and the connection goes on', async () => {
    const huge = Buffer.alloc(16 * 1024 * 1024);
    const refused = await ask('PUT', `/nar/${'0'.repeat(52)}.nar`, huge).catch(
      (error: Error) => error.message,
    );
    expect(JSON.stringify(refused)).toMatch(/400|NO_ERROR/);
    expect((await ask('GET', '/health')).status).toBe(200);
  });

  it('a connection that nothing is under way on ends when the server stops', async () => {
    await ask('GET', '/health');
    const closed = once(session, 'close');
    cache.server.closeIdleConnections();
    await closed;
    expect(session.destroyed).toBe(true);
  });
});
