import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NixHttpPathInfoService } from '../../src/path-info-service/nix-http.ts';
import { Substituter } from '../../src/substitution/substituter.ts';
import { Upstream } from '../../src/substitution/upstream.ts';
import { memoryServices, StartedCache } from '../binary-cache/started-cache.ts';
import { collect } from '../fixtures.ts';
import { SLOW_FILE_BYTES, SlowUpstream } from './slow-upstream.ts';

const HALF = SLOW_FILE_BYTES / 2;

let upstream: SlowUpstream;
let nar: Buffer;
let info: SlowUpstream['info'];
let services: ReturnType<typeof memoryServices>;
let here: StartedCache;
let failures: unknown[];
let folder: string;

beforeEach(async () => {
  upstream = await SlowUpstream.start();
  ({ nar, info } = upstream);
  folder = mkdtempSync(join(tmpdir(), 'tvix-spool-'));
  services = memoryServices();
  failures = [];
  const cache = new NixHttpPathInfoService(upstream.url, services);
  const onFailure = (error: unknown): void => void failures.push(error);
  const substituter = new Substituter(
    services.pathInfos,
    [new Upstream(cache, { onFailure })],
    { spoolFolder: folder },
  );
  here = await StartedCache.start({}, {}, {
    ...services,
    substituter,
  } as typeof services);
});

afterEach(async () => {
  await here[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Asks for the NAR, and answers with what comes back once its head is here. */
async function open(headers = {}): Promise<IncomingMessage> {
  const narInfo = await here.get(`/${info.storePath.hashPart}.narinfo`);
  const url = /^URL: (.*)$/m.exec(narInfo.text)![1]!;
  const request = get(`${here.url}/${url}`, { headers, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

const isStored = async (): Promise<boolean> =>
  (await services.pathInfos.get(info.storePath.digest)) !== undefined;

describe('a NAR that an upstream has', () => {
  it('is told while it comes in, to all who ask, and fetched once', async () => {
    const first = open();
    const source = await upstream.answer();
    source.write(nar.subarray(0, HALF));
    const clients = [await first, await open(), await open()];
    const [early] = clients.map((client) => client[Symbol.asyncIterator]());
    // Nothing but the first half was sent so far.
    const begun: Buffer[] = [];
    while (Buffer.concat(begun).length < HALF)
      begun.push((await early!.next()).value as Buffer);
    expect(await isStored()).toBe(false);
    source.end(nar.subarray(HALF));
    for (let next = await early!.next(); !next.done; next = await early!.next())
      begun.push(next.value as Buffer);
    expect(nar.equals(Buffer.concat(begun))).toBe(true);
    for (const client of clients.slice(1))
      expect(nar.equals(await collect(client))).toBe(true);
    expect(await isStored()).toBe(true);
    expect(
      upstream.asked.filter((path) => path.startsWith('/nar/')).length,
    ).toBe(1);
  });

  it('is told from the middle on for who asks for that', async () => {
    const late = open({ Range: `bytes=${HALF}-` });
    const source = await upstream.answer();
    source.end(nar);
    const response = await late;
    expect(response.statusCode).toBe(206);
    expect(nar.subarray(HALF).equals(await collect(response))).toBe(true);
  });

  it('comes encoded for who takes that', async () => {
    const encoded = open({ 'Accept-Encoding': 'zstd' });
    (await upstream.answer()).end(nar);
    const response = await encoded;
    expect(response.headers['content-encoding']).toBe('zstd');
    expect((await collect(response)).length).toBeLessThan(nar.length);
  });

  for (const [what, send] of Object.entries({
    'has another hash': (source: ServerResponse) => {
      const changed = Buffer.from(nar);
      changed[HALF]! ^= 1;
      source.end(changed);
    },
    'is cut off': (source: ServerResponse) => source.end(nar.subarray(0, HALF)),
    'is longer than was said': (source: ServerResponse) =>
      source.end(Buffer.concat([nar, Buffer.alloc(8)])),
    'breaks off': (source: ServerResponse) =>
      source.write(nar.subarray(0, HALF), () => source.destroy()),
  })) {
    it(`never ends as if it were whole where it ${what}`, async () => {
      const client = open();
      send(await upstream.answer());
      const response = await client;
      await expect(collect(response)).rejects.toThrow('aborted');
      expect(await isStored()).toBe(false);
      expect(failures.length).toBe(1);
    });
  }

  it('is not there where the upstream has only said so', async () => {
    const client = open();
    (await upstream.answer()).destroy();
    expect((await client).statusCode).toBe(404);
  });

  it('is not fetched on when nobody wants it any more', async () => {
    const client = open();
    const source = await upstream.answer();
    source.write(nar.subarray(0, HALF));
    (await client).destroy();
    await once(source, 'close');
    expect(await isStored()).toBe(false);
  });

  it('is announced without being fetched', async () => {
    const { hashPart } = info.storePath;
    const { text } = await here.get(`/${hashPart}.narinfo`);
    const url = /^URL: (.*)$/m.exec(text)![1]!;
    const { status, headers } = await here.ask('HEAD', `/${url}`);
    expect([status, Number(headers['content-length'])]).toStrictEqual([
      200,
      nar.length,
    ]);
    expect(upstream.asked).toStrictEqual([`/${hashPart}.narinfo`]);
  });

  it('leaves no file behind', async () => {
    const client = open();
    (await upstream.answer()).end(nar);
    await collect(await client);
    expect(readdirSync(folder)).toStrictEqual([]);
  });
});
