import { beforeEach, describe, expect, it } from '@jest/globals';
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
import { Directory, hashBytes, pathComponent } from '@tvix/castore';
import { Node, nodeToProto } from '@tvix/castore/proto';
import { createHash } from 'node:crypto';
import { repack } from '../../src/compression/repack.ts';
import { PathSigner } from '../../src/path-info-service/signing.ts';
import { collect, storeTree, utf8 } from '../fixtures.ts';
import {
  fileName,
  memoryServices,
  narInfoOf,
  narOf,
  StartedCache,
} from './started-cache.ts';
import { cache, nar, storedPaths, useFreshCache } from './fresh-cache.ts';

useFreshCache();

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
    expect(await storedPaths()).toStrictEqual([]);
  });

  it('is refused for a castore node of which a part is missing, whatever is remembered of its NAR', async () => {
    const services = memoryServices();
    const narSha256 = new Uint8Array(createHash('sha256').update(nar).digest());
    const narSize = BigInt(nar.length);
    await using remembering = await StartedCache.start({}, undefined, {
      ...services,
      narCalculation: { calculateNar: async () => ({ narSha256, narSize }) },
    });
    const directory = Directory.fromEntries([
      {
        name: pathComponent('gone'),
        node: {
          type: 'file',
          digest: hashBytes(nar),
          size: narSize,
          executable: false,
        },
      },
    ]);
    await services.directories.put(directory);
    const { digest, size } = directory;
    const node = nodeToProto({ type: 'directory', digest, size }, utf8(''));
    const name = Buffer.from(Node.encode(node).finish()).toString('base64url');
    const answer = await put({ url: `nar/tvix-castore/${name}` }, remembering);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('no NAR');
    expect(await storedPaths(remembering)).toStrictEqual([]);
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

  it.each(['gzip', 'br', 'zstd', 'xz'] as const)(
    'may be encoded as %s',
    async (coding) => {
      const { storePath, text } = narInfoOf(nar);
      async function* source(): AsyncGenerator<Uint8Array> {
        yield utf8(text);
      }
      const body = await collect(repack(coding, source()));
      const path = `/${storePath.hashPart}.narinfo`;
      const headers = { 'Content-Encoding': coding };
      expect((await cache.put(path, body, headers)).status).toBe(200);
      expect((await cache.get(path)).status).toBe(200);
    },
  );

  it('is refused in an encoding that nobody knows, and where it is not what it says', async () => {
    const { storePath, text } = narInfoOf(nar);
    for (const coding of ['compress', 'gzip']) {
      const path = `/${storePath.hashPart}.narinfo`;
      const headers = { 'Content-Encoding': coding };
      expect((await cache.put(path, text, headers)).status).toBe(400);
    }
    expect(await storedPaths()).toStrictEqual([]);
  });

  it('adds its signatures to those that are there, and changes nothing else', async () => {
    const sign = async (name: string) => {
      const key = await SecretKey.generate(name);
      const info = parseNarInfo(narInfoOf(nar).text);
      return key.sign(fingerprint(info));
    };
    const [a, b] = [await sign('a'), await sign('b')];
    await put({ signatures: [a] });
    const { storePath } = narInfoOf(nar);
    const stored = async (): Promise<string[]> => {
      const { text } = await cache.get(`/${storePath.hashPart}.narinfo`);
      return parseNarInfo(text).signatures.map(({ name }) => name);
    };
    expect(await stored()).toStrictEqual(['a']);
    const second = await Promise.all([
      put({ signatures: [b] }),
      put({ signatures: [await sign('c')] }),
    ]);
    expect(second.map(({ status }) => status)).toStrictEqual([200, 200]);
    expect(await stored()).toStrictEqual(['a', 'b', 'c']);
  });

  it('is refused where the path would get more than 64 signatures of clients, or one of a key with a long name', async () => {
    const named = (count: number, prefix: string) =>
      Array.from({ length: count }, (_, i) => ({
        name: `${prefix}${String(i)}`,
        bytes: new Uint8Array(64),
      }));
    expect((await put({ signatures: named(65, 'a') })).status).toBe(413);
    const long = named(1, 'n'.repeat(255));
    expect((await put({ signatures: long })).status).toBe(413);
    expect(await storedPaths()).toStrictEqual([]);

    expect((await put({ signatures: named(60, 'a') })).status).toBe(200);
    expect((await put({ signatures: named(5, 'b') })).status).toBe(413);
    expect((await put({ signatures: named(4, 'b') })).status).toBe(200);
    expect((await put({ signatures: named(64, 'a') })).status).toBe(413);
    // Those that are here come again.
    expect((await put({ signatures: named(60, 'a') })).status).toBe(200);

    const key = await SecretKey.generate('server-1');
    await using signing = await StartedCache.start(
      { signer: new PathSigner([key]) },
      {},
      cache.services,
    );
    expect((await put({}, signing)).status).toBe(200);
    const { storePath } = narInfoOf(nar);
    const { text } = await signing.get(`/${storePath.hashPart}.narinfo`);
    expect(parseNarInfo(text).signatures).toHaveLength(65);
  });

  it('takes valid signatures by trusted keys though others filled the path before', async () => {
    const strangers = Array.from({ length: 64 }, (_, i) => ({
      name: `a${String(i)}`,
      bytes: new Uint8Array(64),
    }));
    expect((await put({ signatures: strangers })).status).toBe(200);
    const key = await SecretKey.generate('trusted-1');
    const text = fingerprint(parseNarInfo(narInfoOf(nar).text));
    const valid = await key.sign(text);
    const forged = { name: 'trusted-1', bytes: new Uint8Array(64) };
    await using trusting = await StartedCache.start(
      { trustedKeys: [key.publicKey] },
      {},
      cache.services,
    );
    expect((await put({ signatures: [forged] }, trusting)).status).toBe(413);
    expect((await put({ signatures: [valid] })).status).toBe(413);
    expect((await put({ signatures: [valid] }, trusting)).status).toBe(200);
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
    expect(await storedPaths(strict)).toStrictEqual([]);
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
