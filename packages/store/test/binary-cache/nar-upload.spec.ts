import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CastoreError } from '@tvix/castore';
import { parseNarInfo } from '@tvix/nar';
import { createHash } from 'node:crypto';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import {
  fileName,
  memoryServices,
  narInfoOf,
  StartedCache,
} from './started-cache.ts';
import type { PathInfo } from '../../src/path-info/path-info.ts';
import {
  cache,
  EXPECT,
  nar,
  storedPaths,
  useFreshCache,
} from './fresh-cache.ts';

useFreshCache();

describe('an upload', () => {
  it('makes the path exist with its narinfo, and nothing before it', async () => {
    const { storePath, text } = narInfoOf(nar);
    expect((await cache.put(`/${fileName(nar)}`, nar)).status).toBe(200);
    expect(await storedPaths()).toStrictEqual([]);
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
    expect(await storedPaths()).toStrictEqual([storePath.toString()]);
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

describe('an upload whose store says late that it is durable', () => {
  let late: StartedCache;
  let settle: { resolve: () => void; reject: (error: Error) => void };

  beforeEach(async () => {
    const services = memoryServices();
    const { blobs, directories, pathInfos } = services;
    const { nars } = services.tables;
    late = await StartedCache.start(
      {},
      {},
      {
        ...services,
        openUpload() {
          const records: [Uint8Array, Uint8Array][] = [];
          const paths: PathInfo[] = [];
          const durable = new Promise<void>((resolve, reject) => {
            settle = { resolve, reject };
          });
          return {
            blobs,
            directories,
            nars: { put: async (...record) => void records.push(record) },
            pathInfos: {
              async put(pathInfo) {
                paths.push(pathInfo);
                return pathInfo;
              },
            },
            async finish() {
              await durable;
              for (const record of records) await nars.put(...record);
              for (const path of paths) await pathInfos.put(path);
            },
          };
        },
      },
    );
  });

  afterEach(() => late[Symbol.asyncDispose]());

  it('is answered at once, and its narinfo when it is durable', async () => {
    const { storePath, text } = narInfoOf(nar);
    expect((await late.put(`/${fileName(nar)}`, nar)).status).toBe(200);
    const order: string[] = [];
    const commit = late
      .put(`/${storePath.hashPart}.narinfo`, text)
      .then((answer) => {
        order.push('narinfo');
        return answer;
      });
    // Whoever asks by its name gets it whole.
    const back = late.get(`/${fileName(nar)}`);
    // A request that was made later, and is answered.
    await late.get('/nix-cache-info');
    expect(await storedPaths(late)).toStrictEqual([]);
    order.push('durable');
    settle.resolve();
    expect((await commit).status).toBe(200);
    expect(order).toStrictEqual(['durable', 'narinfo']);
    expect(nar.equals((await back).body)).toBe(true);
  });

  it('is refused with its narinfo where it could not be made durable, and may be sent again', async () => {
    const { storePath, text } = narInfoOf(nar);
    const narInfo = `/${storePath.hashPart}.narinfo`;
    expect((await late.put(`/${fileName(nar)}`, nar)).status).toBe(200);
    settle.reject(new CastoreError('castore/no-space', 'the disk is full'));
    const refused = await late.put(narInfo, text);
    expect([refused.status, refused.text]).toStrictEqual([
      413,
      'no space is left on the server\n',
    ]);
    expect((await late.ask('HEAD', `/${fileName(nar)}`)).status).toBe(404);
    expect(await storedPaths(late)).toStrictEqual([]);

    const again = await late.put(`/${fileName(nar)}`, nar, EXPECT);
    expect([again.status, again.continued]).toStrictEqual([200, true]);
    settle.resolve();
    expect((await late.put(narInfo, text)).status).toBe(200);
  });
});
