import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { brotliCompressSync, gzipSync, inflateSync } from 'node:zlib';
import {
  fileName,
  narInfoOf,
  narOf,
  StartedCache,
  memoryServices,
} from './started-cache.ts';
import type { Compression } from '../../src/compression/compression.ts';
import { repack } from '../../src/compression/repack.ts';
import { collect, storeTree } from '../fixtures.ts';

const ZEROS = JSON.parse(
  readFileSync(new URL('../compression/zeros.json', import.meta.url), 'utf8'),
) as Record<string, string>;
const SUFFIXES = {
  xz: '.xz',
  lzip: '.lzip',
  bzip2: '.bz2',
  lz4: '.lz4',
  zstd: '.zst',
  gzip: '',
  br: '.br',
};

let cache: StartedCache;

beforeEach(async () => {
  cache = await StartedCache.start({ limits: { maxNarBytes: 1_000_000 } });
});
afterEach(() => cache[Symbol.asyncDispose]());

const codes = (): unknown[] =>
  cache.served
    .map(({ error }) => (error as { code?: string } | undefined)?.code)
    .filter((code) => code !== undefined);

/** The archive of a directory with entries of these names, each an empty file. */
function narWithNames(...names: readonly string[]): Buffer {
  const file = '( type regular contents'.split(' ');
  return strings(
    ...['nix-archive-1', '(', 'type', 'directory'],
    ...names.flatMap((name) => [
      ...['entry', '(', 'name', name, 'node', ...file, '', ')', ')'],
    ]),
    ')',
  );
}

function strings(...words: readonly string[]): Buffer {
  return Buffer.concat(
    words.flatMap((word) => {
      const bytes = Buffer.from(word, 'latin1');
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(bytes.length));
      return [length, bytes, Buffer.alloc(-bytes.length & 7)];
    }),
  );
}

/** The beginning of an archive of one file that has 1 TiB of zeros, as it says. */
const HEAD = Buffer.concat([
  strings('nix-archive-1', '(', 'type', 'regular', 'contents'),
  Buffer.from(BigUint64Array.of(2n ** 40n).buffer),
]);
/** The same by bzip2 and as an lzip member. */
const PACKED_HEADS = {
  bzip2:
    'QlpoOTFBWSZTWUTMYCIAABnZgGzCAEIgACrl32AgAEDTUmJ5TQDTRtIU0aANAAGtmirMy0KACZQCxECiUKGj7VOcvXyutbfOzzni4kyiD4EfxdyRThQkETMYCIA=',
  lzip: 'TFpJUAEMAAaANh/vps6/droaek8r6qRTJO2hIwRx/1u/l2m68ym+JEmkcF2PMAtHKBMzvRezszyuOZW49dc81H3//ZpAAI1wVGpgAAAAAAAAAFoAAAAAAAAA',
};

/** What the beginning and 4 MiB of zeros become, most often one after the other. */
async function bomb(compression: Compression): Promise<Buffer> {
  if (compression === 'br')
    return brotliCompressSync(
      Buffer.concat([HEAD, Buffer.alloc(4 * 1024 * 1024)]),
    );
  const zeros =
    compression === 'gzip'
      ? gzipSync(Buffer.alloc(4 * 1024 * 1024))
      : inflateSync(Buffer.from(ZEROS[compression]!, 'base64'));
  if (compression === 'bzip2' || compression === 'lzip')
    return Buffer.concat([
      Buffer.from(PACKED_HEADS[compression], 'base64'),
      zeros,
    ]);
  async function* head(): AsyncGenerator<Uint8Array> {
    yield HEAD;
  }
  return Buffer.concat([await collect(repack(compression, head())), zeros]);
}

describe('an upload that means harm', () => {
  for (const compression of Object.keys(
    SUFFIXES,
  ) as (keyof typeof SUFFIXES)[]) {
    it(`is refused at its bound as ${compression} that grows without end`, async () => {
      const file = await bomb(compression);
      expect(file.length).toBeLessThan(40_000);
      const path = `/${fileName(file, SUFFIXES[compression])}`;
      const { status, text } = await cache.put(path, file);
      expect([status, codes()]).toStrictEqual([413, ['store/limit-exceeded']]);
      expect(text).toContain('1000000 bytes');
    });
  }

  it('is refused as an archive of zeros that is longer than it may be', async () => {
    const contents = 'x'.repeat(2_000_000);
    const file = strings(
      ...['nix-archive-1', '(', 'type', 'regular', 'contents', contents, ')'],
    );
    const packed = gzipSync(file);
    expect((await cache.put(`/${fileName(packed)}`, packed)).status).toBe(413);
    expect(codes()).toStrictEqual(['store/limit-exceeded']);
  });

  for (const names of [
    ['..'],
    ['.'],
    [''],
    ['a/b'],
    ['../../etc/passwd'],
    ['a\0b'],
    ['b', 'a'],
    ['a', 'a'],
    ['n'.repeat(256)],
  ]) {
    it(`is refused with entries ${JSON.stringify(names).slice(0, 40)}`, async () => {
      const nar = narWithNames(...names);
      const { status } = await cache.put(`/${fileName(nar)}`, nar);
      expect(status).toBe(400);
      expect(String(codes())).toMatch(/^nar\//);
    });
  }

  it('is refused with lengths that no archive has', async () => {
    for (const length of [2n ** 64n - 8n, 2n ** 63n, 2n ** 53n]) {
      const nar = narWithNames('a');
      nar.writeBigUInt64LE(length, nar.lastIndexOf('contents') + 8);
      const { status } = await cache.put(`/${fileName(nar)}`, nar);
      expect([400, 413]).toContain(status);
    }
  });

  it('is refused with directories in directories without end', async () => {
    const open = ['(', 'type', 'directory', 'entry', '(', 'name', 'a', 'node'];
    const words = Array.from({ length: 2000 }, () => open).flat();
    const nar = strings('nix-archive-1', ...words);
    const { status } = await cache.put(`/${fileName(nar)}`, nar);
    expect(status).toBe(400);
  });
});

describe('a narinfo that means harm', () => {
  for (const [what, from, to] of [
    ['a store path that leads away', /^StorePath: .*/, 'StorePath: /etc/x'],
    [
      'a store path with parents',
      /^StorePath: .*/,
      `StorePath: /nix/store/../${'0'.repeat(31)}1-x`,
    ],
    [
      'a reference with a slash',
      /References: .*/,
      `References: ${'0'.repeat(32)}-x/../../etc`,
    ],
    ['a deriver with a slash', /References: .*/, 'References: \nDeriver: ../x'],
    ['a size below zero', /NarSize: .*/, 'NarSize: -8'],
    ['a size beyond all', /NarSize: .*/, `NarSize: 1${'0'.repeat(30)}`],
  ] as const) {
    it(`is refused with ${what}`, async () => {
      const services = memoryServices();
      const nar = await narOf(
        services,
        await storeTree('complicated', services),
      );
      await cache.put(`/${fileName(nar)}`, nar);
      const { storePath, text } = narInfoOf(nar);
      const { status } = await cache.put(
        `/${storePath.hashPart}.narinfo`,
        text.replace(from, to),
      );
      expect(status).toBe(400);
      expect((await cache.get(`/${storePath.hashPart}.narinfo`)).status).toBe(
        404,
      );
    });
  }
});

describe('a head that means harm', () => {
  /** What the server says to these bytes. */
  async function answerTo(...parts: readonly string[]): Promise<string> {
    const socket = connect(cache.port, '127.0.0.1');
    socket.on('error', () => undefined);
    for (const part of parts) socket.write(part);
    const pieces = await collect(socket as AsyncIterable<Uint8Array>);
    return Buffer.from(pieces).toString();
  }

  it('is refused with a flood of lines, and logged', async () => {
    const lines = Array.from({ length: 5000 }, (_, i) => `X-${i}: y\r\n`);
    const answer = await answerTo('GET / HTTP/1.1\r\n', ...lines);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
    expect(codes()).toStrictEqual(['store/limit-exceeded']);
  });

  it('is refused with a method and a path that never end, and logged', async () => {
    const answer = await answerTo(`GET /${'a'.repeat(50_000)}`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
    expect(codes()).toStrictEqual(['store/limit-exceeded']);
  });

  it('is refused where two lengths contradict each other, and logged', async () => {
    const answer = await answerTo(
      'PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(codes()).toStrictEqual(['store/malformed-request']);
  });

  it('leaves nothing for paths that lead away', async () => {
    for (const path of [
      '/../nix-cache-info',
      '/log/..%2f..%2fetc%2fpasswd',
      '/log/%2e%2e/x.drv',
      '/%00.narinfo',
      `/${'a'.repeat(9000)}`,
      '//nix-cache-info',
    ])
      expect([400, 404]).toContain((await cache.get(path)).status);
  });
});
