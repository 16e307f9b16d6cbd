import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Node } from '@tvix/castore';
import {
  encodeNixBase32,
  listNar,
  parseNar,
  parseNarInfo,
  SecretKey,
  StorePath,
} from '@tvix/nar';
import { decompress } from '../../src/compression/decompress.ts';
import { PathInfo } from '../../src/path-info/path-info.ts';
import { PathSigner } from '../../src/path-info-service/signing.ts';
import { collect, storeEndlessTree, storeTree } from '../fixtures.ts';
import { addTree, narOf, StartedCache } from './started-cache.ts';

let cache: StartedCache;
let key: SecretKey;
let tree: PathInfo;
let nar: Buffer;
let narUrl: string;

beforeAll(async () => {
  key = await SecretKey.generate('test-1');
  cache = await StartedCache.start({ signer: new PathSigner([key]) });
  const node = await storeTree('complicated', cache.services);
  tree = await addTree(cache.services, 'complicated', node);
  nar = await narOf(cache.services, node);
  const { text } = await cache.get(`/${tree.storePath.hashPart}.narinfo`);
  narUrl = `/${parseNarInfo(text).url}`;
});

afterAll(() => cache[Symbol.asyncDispose]());

describe('nix-cache-info', () => {
  it('names the store directory, mass queries and the priority', async () => {
    const { status, headers, text } = await cache.get('/nix-cache-info');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/x-nix-cache-info');
    expect(text).toBe('StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 30\n');
  });

  it('names another priority and no mass queries where it is told to', async () => {
    const options = { priority: 7, wantMassQuery: false };
    await using other = await StartedCache.start(options);
    const { text } = await other.get('/nix-cache-info');
    expect(text).toBe('StoreDir: /nix/store\nWantMassQuery: 0\nPriority: 7\n');
  });

  it('takes the upload of one that says the same store directory, and no other', async () => {
    const same = await cache.put('/nix-cache-info', 'StoreDir: /nix/store\n');
    expect(same.status).toBe(200);
    const other = await cache.put('/nix-cache-info', 'StoreDir: /gnu/store\n');
    expect(other.status).toBe(400);
  });
});

describe('a request', () => {
  it('may name the whole URL, as a proxy does', async () => {
    const { status, text } = await cache.get('http://other/nix-cache-info?x');
    expect([status, text]).toStrictEqual([
      200,
      (await cache.get('/nix-cache-info')).text,
    ]);
    for (const target of ['http://other', 'ftp://other/nix-cache-info', '*'])
      expect((await cache.get(target)).status).toBe(400);
  });
});

describe('a narinfo', () => {
  it('tells all that a client needs, signed where the path is made of its contents', async () => {
    const { status, headers, text } = await cache.get(
      `/${tree.storePath.hashPart}.narinfo`,
    );
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/x-nix-narinfo');
    expect(headers['content-length']).toBe(String(text.length));
    const info = parseNarInfo(text);
    expect(info.storePath.equals(tree.storePath)).toBe(true);
    expect(info.compression).toBe('none');
    expect(info.narSize).toBe(BigInt(nar.length));
    expect(info.fileSize).toBe(info.narSize);
    expect(info.fileSha256).toStrictEqual(info.narSha256);
    expect(info.signatures.map(({ name }) => name)).toStrictEqual(['test-1']);
  });

  it('answers HEAD with the head alone', async () => {
    const path = `/${tree.storePath.hashPart}.narinfo`;
    const [head, get] = [await cache.ask('HEAD', path), await cache.get(path)];
    expect(head.status).toBe(200);
    expect(head.body.length).toBe(0);
    expect(head.headers['content-length']).toBe(get.headers['content-length']);
  });

  it('is absent for a path that is not here', async () => {
    const none = '/00000000000000000000000000000000.narinfo';
    expect((await cache.get(none)).status).toBe(404);
    expect((await cache.ask('HEAD', none)).status).toBe(404);
  });

  it('is not signed where the tree is larger than it says, and nothing is read for that', async () => {
    const { storePath } = await putEndless();
    const { status, text } = await cache.get(`/${storePath.hashPart}.narinfo`);
    expect(status).toBe(200);
    expect(parseNarInfo(text).signatures).toStrictEqual([]);
  });

  it('is not signed where nobody can say that the path is what it claims', async () => {
    const { services } = cache;
    const node = await storeTree('helloWorld', services);
    const info = await addTree(services, 'other', node);
    const claimed = PathInfo.create(
      StorePath.parse('11111111111111111111111111111111-claimed'),
      node,
      { ...info.narInfo!, ca: undefined },
    );
    await services.pathInfos.put(claimed);
    const { text } = await cache.get(`/${'1'.repeat(32)}.narinfo`);
    expect(text).not.toContain('Sig:');
  });
});

describe('a NAR', () => {
  it('comes whole, with its length, for ever', async () => {
    const { status, headers, body } = await cache.get(narUrl);
    expect(status).toBe(200);
    expect(nar.equals(body)).toBe(true);
    expect(headers['content-length']).toBe(String(nar.length));
    expect(headers['accept-ranges']).toBe('bytes');
    expect(headers['cache-control']).toContain('immutable');
  });

  it('answers HEAD with its length', async () => {
    const { status, headers, body } = await cache.ask('HEAD', narUrl);
    expect([status, headers['content-length'], body.length]).toStrictEqual([
      200,
      String(nar.length),
      0,
    ]);
  });

  it.each([
    ['bytes=0-', 0, undefined],
    ['bytes=100-', 100, undefined],
    ['bytes=100-199', 100, 200],
    ['bytes=-50', -50, undefined],
    ['bytes=0-0', 0, 1],
    ['bytes=200-99999999', 200, undefined],
  ])('comes in part for %s', async (range, start, end) => {
    const { status, headers, body } = await cache.get(narUrl, {
      Range: range,
    });
    expect(status).toBe(206);
    const expected = nar.subarray(start, end);
    expect(expected.equals(body)).toBe(true);
    const first = start < 0 ? nar.length + start : start;
    expect(headers['content-range']).toBe(
      `bytes ${first}-${first + expected.length - 1}/${nar.length}`,
    );
  });

  it('comes whole where a range makes no sense or names several parts', async () => {
    for (const range of ['bytes=5-3', 'bytes=0-1,5-6', 'lines=1-2', 'bytes=-'])
      expect((await cache.get(narUrl, { Range: range })).status).toBe(200);
  });

  it('is refused in part beyond its end', async () => {
    const { status, headers } = await cache.get(narUrl, {
      Range: `bytes=${nar.length}-`,
    });
    expect([status, headers['content-range']]).toStrictEqual([
      416,
      `bytes */${nar.length}`,
    ]);
  });

  it('comes whole where the part is of another one', async () => {
    const answer = await cache.get(narUrl, {
      Range: 'bytes=10-',
      'If-Range': '"another"',
    });
    expect(answer.status).toBe(200);
  });

  it('is not sent again to who has it', async () => {
    const { headers } = await cache.get(narUrl);
    const again = await cache.get(narUrl, {
      'If-None-Match': headers.etag!,
    });
    expect([again.status, again.body.length]).toStrictEqual([304, 0]);
  });

  it.each([
    ['zstd, br, gzip, deflate, bzip2, xz', 'zstd'],
    ['gzip', 'gzip'],
    ['br', 'br'],
  ] as const)('comes encoded for who takes %s', async (accepted, coding) => {
    const { headers, body } = await cache.get(narUrl, {
      'Accept-Encoding': accepted,
    });
    expect(headers['content-encoding']).toBe(coding);
    expect(headers.vary).toBe('Accept-Encoding');
    // What was encoded on the way can't be resumed.
    expect(headers['accept-ranges']).toBeUndefined();
    async function* source(): AsyncGenerator<Uint8Array> {
      yield body;
    }
    const decoded = await collect(decompress(coding, source()));
    expect(nar.equals(decoded)).toBe(true);
    const again = await cache.get(narUrl, {
      'Accept-Encoding': accepted,
      'If-None-Match': headers.etag!,
    });
    expect(again.status).toBe(304);
  });

  it('comes plain for who takes no encoding of ours, and for a part', async () => {
    for (const headers of [
      { 'Accept-Encoding': 'identity' },
      { 'Accept-Encoding': 'gzip;q=0, compress' },
      { 'Accept-Encoding': 'zstd, gzip', Range: 'bytes=8-' },
    ]) {
      const answer = await cache.get(narUrl, headers);
      expect(answer.headers['content-encoding']).toBeUndefined();
      const start = 'Range' in headers ? 8 : 0;
      expect(nar.subarray(start).equals(answer.body)).toBe(true);
    }
  });

  it('is found under the names that other servers give', async () => {
    const out = tree.storePath.hashPart;
    const hash = encodeNixBase32(tree.narInfo!.narSha256);
    for (const path of [
      `/nar/${out}.nar`,
      `/nar/${hash}.nar?hash=${out}`,
      `/nar/${out}-${hash}.nar`,
    ]) {
      const { status, body } = await cache.get(path);
      expect(status).toBe(200);
      expect(nar.equals(body)).toBe(true);
    }
  });

  it('is absent under the hash of another', async () => {
    const out = tree.storePath.hashPart;
    const other = '0'.repeat(52);
    expect((await cache.get(`/nar/${out}-${other}.nar`)).status).toBe(404);
    expect((await cache.get(`/nar/${other}.nar`)).status).toBe(404);
    expect((await cache.get('/nar/nonsense')).status).toBe(404);
  });

  it('breaks off the connection where a blob is missing', async () => {
    const { services } = cache;
    const node = await storeTree('helloWorld', services);
    if (node.type !== 'file') throw new Error('a file was made');
    const lying: Node = { ...node, size: node.size + 8n };
    const info = await addTree(services, 'truncated', node);
    await services.pathInfos.put(
      PathInfo.create(info.storePath, lying, info.narInfo!),
    );
    const hash = encodeNixBase32(info.narInfo!.narSha256);
    await expect(
      cache.get(`/nar/${info.storePath.hashPart}-${hash}.nar`),
    ).rejects.toThrow();
  });

  it.each(['identity', 'gzip', 'zstd'])(
    'breaks off as %s where the tree is larger than its path info says',
    async (coding) => {
      const { storePath, narInfo } = await putEndless();
      const hash = encodeNixBase32(narInfo!.narSha256);
      await expect(
        cache.get(`/nar/${storePath.hashPart}-${hash}.nar`, {
          'Accept-Encoding': coding,
        }),
      ).rejects.toThrow();
    },
  );
});

/** Puts a path whose tree is far larger than its path info says. */
async function putEndless(): Promise<PathInfo> {
  const { services } = cache;
  const node = await storeEndlessTree(services.directories);
  const small = await addTree(
    services,
    'endless',
    await storeTree('complicated', services),
  );
  const info = PathInfo.create(small.storePath, node, small.narInfo!);
  return services.pathInfos.put(info);
}

describe('a listing', () => {
  it('breaks off where the tree is larger than its path info says', async () => {
    const { storePath } = await putEndless();
    await expect(cache.get(`/${storePath.hashPart}.ls`)).rejects.toThrow();
  });

  it('is what the NAR itself lists, offsets included', async () => {
    const { status, text } = await cache.get(`/${tree.storePath.hashPart}.ls`);
    async function* source(): AsyncGenerator<Uint8Array> {
      yield nar;
    }
    const expected = Buffer.from(
      await collect(listNar(parseNar(source()), { form: 'ls-file' })),
    ).toString();
    expect([status, text]).toStrictEqual([200, expected]);
  });
});

describe('the server', () => {
  it('refuses methods that nothing has', async () => {
    expect((await cache.ask('DELETE', narUrl)).status).toBe(405);
    expect((await cache.ask('PUT', '/health')).status).toBe(405);
    expect((await cache.get('/no/such')).status).toBe(404);
  });
});
