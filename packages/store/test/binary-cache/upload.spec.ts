import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CastoreError } from '@tvix/castore';
import {
  buildTextPath,
  encodeNixBase32,
  fingerprint,
  formatNarInfo,
  NixHash,
  parseNarInfo,
  SecretKey,
  StorePath,
} from '@tvix/nar';
import { createHash } from 'node:crypto';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { PathSigner } from '../../src/path-info-service/signing.ts';
import { storeTree, utf8 } from '../fixtures.ts';
import {
  fileName,
  memoryServices,
  narInfoOf,
  narOf,
  StartedCache,
} from './started-cache.ts';

const EXPECT = { Expect: '100-continue' };

let cache: StartedCache;
let nar: Buffer;

/** A NAR that no store has yet. */
async function someNar(): Promise<Buffer> {
  const services = memoryServices();
  return narOf(services, await storeTree('complicated', services));
}

beforeEach(async () => {
  cache = await StartedCache.start();
  nar = await someNar();
});

afterEach(() => cache[Symbol.asyncDispose]());

async function paths(of: StartedCache = cache): Promise<string[]> {
  const found: string[] = [];
  for await (const { storePath } of of.services.pathInfos.list())
    found.push(storePath.toString());
  return found;
}

describe('an upload', () => {
  it('makes the path exist with its narinfo, and nothing before it', async () => {
    const { storePath, text } = narInfoOf(nar);
    expect((await cache.put(`/${fileName(nar)}`, nar)).status).toBe(200);
    expect(await paths()).toStrictEqual([]);
    const put = await cache.put(`/${storePath.hashPart}.narinfo`, text);
    expect([put.status, put.text]).toStrictEqual([200, 'stored\n']);
    const info = await cache.get(`/${storePath.hashPart}.narinfo`);
    const back = await cache.get(`/${parseNarInfo(info.text).url}`);
    expect(nar.equals(back.body)).toBe(true);
  });

  it('is asked for with 100-continue, and only where it is needed', async () => {
    const path = `/${fileName(nar)}`;
    const first = await cache.put(path, nar, EXPECT);
    expect([first.status, first.continued]).toStrictEqual([200, true]);
    const second = await cache.put(path, nar, EXPECT);
    expect([second.status, second.continued]).toStrictEqual([200, false]);
    expect((await cache.ask('HEAD', path)).status).toBe(200);
  });

  it('is refused before the body where it is too long', async () => {
    const path = `/${'0'.repeat(32)}.narinfo`;
    const { status, continued } = await cache.ask('PUT', path, {
      ...EXPECT,
      'Content-Length': '999999999',
    });
    expect([status, continued]).toStrictEqual([413, false]);
  });

  it.each([
    ['gzip', '', gzipSync],
    ['br', '.br', brotliCompressSync],
  ] as const)('is taken in %s', async (compression, suffix, compress) => {
    const file = compress(nar);
    const { storePath, text } = narInfoOf(nar, {
      url: fileName(file, suffix),
      compression,
      fileSha256: new Uint8Array(createHash('sha256').update(file).digest()),
      fileSize: BigInt(file.length),
    });
    const put = await cache.put(`/${fileName(file, suffix)}`, file);
    expect(put.status).toBe(200);
    const commit = await cache.put(`/${storePath.hashPart}.narinfo`, text);
    expect([commit.status, commit.text]).toStrictEqual([200, 'stored\n']);
    const again = await cache.get(`/${fileName(file, suffix)}`);
    expect(again.status).toBe(200);
  });

  it('is refused under the hash of another file', async () => {
    const { status, text } = await cache.put(
      `/${fileName(Buffer.from('other'))}`,
      nar,
    );
    expect(status).toBe(400);
    expect(text).toContain('SHA-256');
  });

  it('is refused where bytes follow the archive', async () => {
    const more = Buffer.concat([nar, Buffer.alloc(8)]);
    expect((await cache.put(`/${fileName(more)}`, more)).status).toBe(400);
  });

  it('is refused where the archive is cut off or damaged', async () => {
    const cut = nar.subarray(0, nar.length - 16);
    expect((await cache.put(`/${fileName(cut)}`, cut)).status).toBe(400);
    const damaged = Buffer.from(nar);
    damaged[24] = 0x29;
    expect((await cache.put(`/${fileName(damaged)}`, damaged)).status).toBe(
      400,
    );
  });

  it('is refused where it grows beyond its bound', async () => {
    await using small = await StartedCache.start({
      limits: { maxNarBytes: 1000 },
    });
    const file = gzipSync(Buffer.alloc(1024 * 1024));
    const { status } = await small.put(`/${fileName(file)}`, file);
    expect(status).toBe(413);
  });

  it('is known again after a restart', async () => {
    await cache.put(`/${fileName(nar)}`, nar);
    await using later = await StartedCache.start({}, {}, cache.services);
    const { storePath, text } = narInfoOf(nar);
    const put = await later.put(`/${storePath.hashPart}.narinfo`, text);
    expect(put.status).toBe(200);
    const { status, body } = await later.get(`/${fileName(nar)}`);
    expect([status, nar.equals(body)]).toStrictEqual([200, true]);
  });

  it.each([
    ['castore/no-space', 413],
    ['castore/io', 409],
    ['castore/unavailable', 409],
  ] as const)(
    'that the store fails to take with %s gets %s, which no client repeats, and leaves nothing',
    async (code, expected) => {
      const services = memoryServices();
      services.blobs.putMany = () =>
        Promise.reject(new CastoreError(code, 'the disk says no'));
      await using failing = await StartedCache.start({}, {}, services);
      const { status, text } = await failing.put(`/${fileName(nar)}`, nar);
      expect(status).toBe(expected);
      expect(text).not.toContain('the disk says no');
      expect((await failing.ask('HEAD', `/${fileName(nar)}`)).status).toBe(404);
    },
  );

  it('is taken from several clients at once', async () => {
    const { storePath, text } = narInfoOf(nar);
    const upload = async (): Promise<number[]> => {
      const first = await cache.put(`/${fileName(nar)}`, nar, EXPECT);
      const path = `/${storePath.hashPart}.narinfo`;
      return [first.status, (await cache.put(path, text)).status];
    };
    const statuses = await Promise.all(Array.from({ length: 8 }, upload));
    expect(new Set(statuses.flat())).toStrictEqual(new Set([200]));
    expect(await paths()).toStrictEqual([storePath.toString()]);
  });

  it.each(['..', '.', 'a/b', 'a\0b'])(
    'is refused where a name in it is %j',
    async (name) => {
      const evil = Buffer.from(nar);
      const at = evil.indexOf('.keep');
      evil.writeBigUInt64LE(BigInt(name.length), at - 8);
      evil.fill(0, at, at + 8).write(name, at, 'latin1');
      const { status } = await cache.put(`/${fileName(evil)}`, evil);
      expect(status).toBe(400);
    },
  );

  it('is asked for again where its blobs are gone', async () => {
    await cache.put(`/${fileName(nar)}`, nar);
    const { tables } = cache.services;
    await using emptied = await StartedCache.start(
      {},
      {},
      {
        ...memoryServices(),
        tables,
      },
    );
    const { storePath, text } = narInfoOf(nar);
    const head = await emptied.ask('HEAD', `/${fileName(nar)}`);
    expect(head.status).toBe(404);
    const early = await emptied.put(`/${storePath.hashPart}.narinfo`, text);
    expect(early.status).toBe(400);
    const { continued } = await emptied.put(`/${fileName(nar)}`, nar, EXPECT);
    expect(continued).toBe(true);
  });
});

describe('a narinfo that is uploaded', () => {
  beforeEach(async () => {
    await cache.put(`/${fileName(nar)}`, nar);
  });

  const put = async (
    change: Parameters<typeof narInfoOf>[1] = {},
    to = cache,
  ) => {
    const { storePath, text } = narInfoOf(nar, change);
    return to.put(`/${storePath.hashPart}.narinfo`, text);
  };

  it.each([
    ['another NAR hash', { narSha256: new Uint8Array(32) }, 'NarHash'],
    ['another size', { narSize: 8n }, 'NarSize'],
    ['another file hash', { fileSha256: new Uint8Array(32) }, 'FileHash'],
    ['another file size', { fileSize: 8n }, 'FileSize'],
    [
      'a NAR that was not uploaded',
      { url: `nar/${'0'.repeat(52)}.nar` },
      'no NAR',
    ],
    ['an absolute URL', { url: 'http://example.org/nar/x.nar' }, 'no NAR'],
    ['a URL that leads away', { url: '../nar/x.nar' }, 'no NAR'],
    [
      'a reference that is not here',
      { references: [StorePath.parse(`${'2'.repeat(32)}-gone`)] },
      'not here',
    ],
    [
      'a content address that its path is not made of',
      {
        ca: {
          method: 'nar',
          hash: NixHash.from('sha256', new Uint8Array(32)),
        },
      },
      'content address',
    ],
  ] as const)('is refused with %s', async (_, change, why) => {
    const { status, text } = await put(change);
    expect(status).toBe(400);
    expect(text).toContain(why);
    expect(await paths()).toStrictEqual([]);
  });

  it('is refused under the hash of another path', async () => {
    const { text } = narInfoOf(nar);
    const { status } = await cache.put(`/${'3'.repeat(32)}.narinfo`, text);
    expect(status).toBe(400);
  });

  it('is refused where it is malformed', async () => {
    const answer = await cache.put(`/${'3'.repeat(32)}.narinfo`, 'nonsense');
    expect(answer.status).toBe(400);
  });

  it('may refer to itself', async () => {
    const self = StorePath.parse(`${'4'.repeat(32)}-self`);
    const { status } = await put({ storePath: self, references: [self] });
    expect(status).toBe(200);
  });

  it('may be encoded', async () => {
    const { storePath, text } = narInfoOf(nar);
    const { status } = await cache.put(
      `/${storePath.hashPart}.narinfo`,
      gzipSync(text),
      { 'Content-Encoding': 'gzip' },
    );
    expect(status).toBe(200);
  });

  it('adds its signatures to those that are there, and changes nothing else', async () => {
    const sign = async (name: string) => {
      const key = await SecretKey.generate(name);
      const info = parseNarInfo(narInfoOf(nar).text);
      return key.sign(fingerprint(info));
    };
    const [a, b] = [await sign('a'), await sign('b')];
    await put({ signatures: [a] });
    const second = await Promise.all([
      put({ signatures: [b] }),
      put({ signatures: [await sign('c')] }),
    ]);
    expect(second.map(({ status }) => status)).toStrictEqual([200, 200]);
    const { storePath } = narInfoOf(nar);
    const { text } = await cache.get(`/${storePath.hashPart}.narinfo`);
    const names = parseNarInfo(text).signatures.map(({ name }) => name);
    expect(names).toStrictEqual(['a', 'b', 'c']);
  });

  it('is uploaded again as it was served', async () => {
    await put();
    const { storePath } = narInfoOf(nar);
    const path = `/${storePath.hashPart}.narinfo`;
    const { text } = await cache.get(path);
    expect((await cache.put(path, text)).status).toBe(200);
    expect((await cache.get(path)).text).toBe(text);
  });

  it('is refused where the path is here with other contents', async () => {
    await put();
    const services = memoryServices();
    const other = await narOf(
      services,
      await storeTree('helloWorld', services),
    );
    await cache.put(`/${fileName(other)}`, other);
    const { storePath, text } = narInfoOf(other);
    const answer = await cache.put(`/${storePath.hashPart}.narinfo`, text);
    expect(answer.status).toBe(409);
  });

  it('is signed by the keys of the server, whose signature verifies', async () => {
    const key = await SecretKey.generate('server-1');
    await using signing = await StartedCache.start(
      { signer: new PathSigner([key]) },
      {},
      cache.services,
    );
    await put({}, signing);
    const { storePath } = narInfoOf(nar);
    const { text } = await signing.get(`/${storePath.hashPart}.narinfo`);
    const info = parseNarInfo(text);
    expect(info.signatures.length).toBe(1);
    expect(
      await key.publicKey.verify(fingerprint(info), info.signatures[0]!),
    ).toBe(true);
  });

  it('does not get signed for a path that somebody else put with a claim of its own', async () => {
    const { PathInfo } = await import('../../src/path-info/path-info.ts');
    const key = await SecretKey.generate('server-1');
    const node = await storeTree('helloWorld', cache.services);
    const { storePath, text } = narInfoOf(nar);
    const claimed = parseNarInfo(text);
    await cache.services.pathInfos.put(
      PathInfo.create(storePath, node, {
        ...claimed,
        signatures: [],
        deriver: undefined,
        ca: undefined,
      }),
    );
    await using signing = await StartedCache.start(
      { signer: new PathSigner([key]) },
      {},
      cache.services,
    );
    const url = `nar/${storePath.hashPart}-${encodeNixBase32(claimed.narSha256)}.nar`;
    await put({ url }, signing);
    const { text: served } = await signing.get(
      `/${storePath.hashPart}.narinfo`,
    );
    expect(served).not.toContain('Sig:');
  });
});

describe('a server that wants trusted signatures', () => {
  it('refuses what none of its keys signed, and takes the rest', async () => {
    const key = await SecretKey.generate('ci-1');
    await using strict = await StartedCache.start({
      requireTrustedSignature: true,
      trustedKeys: [key.publicKey],
    });
    await strict.put(`/${fileName(nar)}`, nar);
    const { storePath, text } = narInfoOf(nar);
    const path = `/${storePath.hashPart}.narinfo`;
    const refused = await strict.put(path, text);
    expect(refused.status).toBe(403);
    expect(refused.text).toContain('trusted key');
    expect(await paths(strict)).toStrictEqual([]);
    const info = parseNarInfo(text);
    const signed = formatNarInfo({
      ...info,
      signatures: [await key.sign(fingerprint(info))],
    });
    expect((await strict.put(path, signed)).status).toBe(200);
  });

  it('takes a path that is made of its contents from anybody, and none that only says so', async () => {
    await using strict = await StartedCache.start({
      requireTrustedSignature: true,
    });
    const services = memoryServices();
    const [digest] = await services.blobs.putMany([utf8('hello')]);
    const file = await narOf(services, {
      type: 'file',
      digest: digest!,
      size: 5n,
      executable: false,
    });
    await strict.put(`/${fileName(file)}`, file);
    const commit = async (contents: string) => {
      const storePath = buildTextPath('x.txt', utf8(contents));
      const hash = NixHash.from(
        'sha256',
        new Uint8Array(createHash('sha256').update(contents).digest()),
      );
      const { text } = narInfoOf(file, {
        storePath,
        ca: { method: 'text', hash },
      });
      return strict.put(`/${storePath.hashPart}.narinfo`, text);
    };
    expect((await commit('hello')).status).toBe(200);
    expect((await commit('other')).status).toBe(400);
  });
});

describe('what clients upload beside paths', () => {
  it('is the log of a build, plain or encoded', async () => {
    const name = `${'5'.repeat(32)}-hello.drv`;
    expect((await cache.get(`/log/${name}`)).status).toBe(404);
    expect((await cache.put(`/log/${name}`, 'building\n')).status).toBe(200);
    expect((await cache.get(`/log/${name}`)).text).toBe('building\n');
    await cache.put(`/log/${name}`, gzipSync('again\n'), {
      'Content-Encoding': 'gzip',
    });
    expect((await cache.get(`/log/${name}`)).text).toBe('again\n');
    expect((await cache.put('/log/nonsense', 'x')).status).toBe(404);
  });

  it('is a realisation, whose signatures add up', async () => {
    const id = `sha256:${'ab'.repeat(32)}!out`;
    const path = `/realisations/${id}.doi`;
    const doi = (outPath: string, signature: string): string =>
      JSON.stringify({
        dependentRealisations: {},
        id,
        outPath,
        signatures: [signature],
      });
    await cache.put(path, doi('a', 'x'));
    await cache.put(path, doi('a', 'y'));
    const both = JSON.parse((await cache.get(path)).text) as {
      signatures: string[];
    };
    expect(both.signatures).toStrictEqual(['x', 'y']);
    await cache.put(path, doi('b', 'z'));
    expect((await cache.get(path)).text).toBe(doi('b', 'z'));
    const wrong = await cache.put(
      `/realisations/sha256:${'cd'.repeat(32)}!out.doi`,
      doi('a', 'x'),
    );
    expect(wrong.status).toBe(400);
    expect((await cache.put(path, '[1]')).status).toBe(400);
  });

  it('is a build trace of newer clients', async () => {
    const path = `/build-trace-v2/${'6'.repeat(32)}-x.drv/out.doi`;
    const doi = (signature: string): string =>
      JSON.stringify({
        key: { drvPath: 'x.drv', outputName: 'out' },
        value: { outPath: 'a', signatures: [{ keyName: 'k', sig: signature }] },
      });
    expect((await cache.get(path)).status).toBe(404);
    await cache.put(path, doi('1'));
    await cache.put(path, doi('2'));
    const json = JSON.parse((await cache.get(path)).text) as {
      value: { signatures: { sig: string }[] };
    };
    expect(json.value.signatures.map(({ sig }) => sig)).toStrictEqual([
      '1',
      '2',
    ]);
  });

  it('is debug information, which goes out under the name of the plain NAR', async () => {
    const file = gzipSync(nar);
    const path = `/debuginfo/${'ab'.repeat(20)}.debug`;
    const member = 'lib/debug/.build-id/ab/ab.debug';
    const archive = `../${fileName(file)}`;
    const put = await cache.put(path, JSON.stringify({ archive, member }));
    expect(put.status).toBe(200);
    await cache.put(`/${fileName(file)}`, file);
    const info = JSON.parse((await cache.get(path)).text) as {
      archive: string;
    };
    expect(info).toStrictEqual({ archive: `../${fileName(nar)}`, member });
    const { body } = await cache.get(info.archive.slice(2));
    expect(nar.equals(body)).toBe(true);
    const evil = { archive: 'http://example.org/x.nar', member };
    expect((await cache.put(path, JSON.stringify(evil))).status).toBe(400);
  });

  it('is a listing, of which nothing is kept', async () => {
    const path = `/${'7'.repeat(32)}.ls`;
    const { status, continued } = await cache.put(path, '{}', EXPECT);
    expect([status, continued]).toStrictEqual([200, false]);
    expect((await cache.put(path, '{}')).status).toBe(200);
    expect((await cache.get(path)).status).toBe(404);
  });
});
