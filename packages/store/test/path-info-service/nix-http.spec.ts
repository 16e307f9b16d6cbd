import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  fingerprint,
  formatNarInfo,
  parseNarInfo,
  PublicKey,
  SecretKey,
} from '@tvix/nar';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { PathInfo } from '../../src/path-info/path-info.ts';
import { NixHttpPathInfoService } from '../../src/path-info-service/nix-http.ts';
import { Netrc } from '../../src/path-info-service/netrc.ts';
import {
  fileName,
  memoryServices,
  narInfoOf,
  narOf,
} from '../binary-cache/started-cache.ts';
import { repack } from '../../src/compression/repack.ts';
import { collect, storeTree } from '../fixtures.ts';

let server: Server;
let base: URL;
let answers: Map<
  string,
  {
    status?: number;
    body?: Uint8Array | string;
    headers?: Record<string, string>;
  }
>;
let asked: { path: string; authorization: string | undefined }[];
let here: ReturnType<typeof memoryServices>;
let nar: Buffer;
let info: ReturnType<typeof narInfoOf>;

beforeEach(async () => {
  answers = new Map();
  asked = [];
  const listener: RequestListener = (request, response) => {
    asked.push({
      path: request.url!,
      authorization: request.headers.authorization,
    });
    const {
      status = 200,
      body = '',
      headers = {},
    } = answers.get(request.url!) ?? { status: 404 };
    response.writeHead(status, headers).end(body);
  };
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  base = new URL(`http://127.0.0.1:${port}/team`);
  here = memoryServices();
  const there = memoryServices();
  nar = await narOf(there, await storeTree('complicated', there));
  info = narInfoOf(nar, { url: fileName(nar) });
  answers.set(`/team/${info.storePath.hashPart}.narinfo`, { body: info.text });
  answers.set(`/team/${fileName(nar)}`, { body: nar });
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

const get = (service = new NixHttpPathInfoService(base, here)) =>
  service.get(info.storePath.digest);

function answerNarInfo(text: string): void {
  answers.set(`/team/${info.storePath.hashPart}.narinfo`, { body: text });
}

describe('path infos of a binary cache', () => {
  it('come with their trees, from below the path of the address', async () => {
    const found = await get();
    expect(found).toBeInstanceOf(PathInfo);
    expect(found!.storePath.equals(info.storePath)).toBe(true);
    expect((await narOf(here, found!.node)).equals(nar)).toBe(true);
  });

  it.each([404, 403, 410])('are absent for the status %s', async (status) => {
    answers.set(`/team/${info.storePath.hashPart}.narinfo`, { status });
    expect(await get()).toBeUndefined();
  });

  it.each([500, 204, 401])('fail for the status %s', async (status) => {
    answers.set(`/team/${info.storePath.hashPart}.narinfo`, {
      status,
      body: status === 204 ? '' : info.text,
    });
    await expect(get()).rejects.toMatchObject({
      code: 'store/upstream-refused',
    });
  });

  it('fail as unavailable where nobody answers', async () => {
    const nowhere = new NixHttpPathInfoService(
      new URL('http://127.0.0.1:1'),
      here,
    );
    await expect(get(nowhere)).rejects.toMatchObject({
      code: 'store/upstream-unavailable',
      retryable: true,
    });
  });

  it('come in every compression that a narinfo names', async () => {
    for (const [compression, file] of [
      ['gzip', gzipSync(nar)],
      ['br', brotliCompressSync(nar)],
    ] as const) {
      answers.set('/team/nar/file', { body: file });
      answerNarInfo(
        formatNarInfo({
          ...parseNarInfo(info.text),
          url: 'nar/file',
          compression,
        }),
      );
      expect(await get()).toBeDefined();
    }
  });

  it('come over one connection, and so does the news that there are none', async () => {
    let connections = 0;
    server.on('connection', () => connections++);
    const { storePath } = info;
    for (const compression of ['none', 'gzip', 'br', 'xz', 'zstd'] as const) {
      async function* source(): AsyncGenerator<Uint8Array> {
        yield nar;
      }
      const body =
        compression === 'none'
          ? nar
          : await collect(repack(compression, source()));
      answers.set('/team/nar/file', { body });
      const url = 'nar/file';
      const parsed = parseNarInfo(info.text);
      answerNarInfo(formatNarInfo({ ...parsed, url, compression }));
      expect(await get()).toBeDefined();
      answers.delete(`/team/${storePath.hashPart}.narinfo`);
      expect(await get()).toBeUndefined();
    }
    expect(connections).toBe(1);
  });

  it('come through redirects, and through encodings that were not asked for', async () => {
    answers.set(`/team/${fileName(nar)}`, {
      status: 307,
      headers: { Location: '/elsewhere' },
    });
    answers.set('/elsewhere', {
      body: gzipSync(nar),
      headers: { 'Content-Encoding': 'gzip' },
    });
    expect(await get()).toBeDefined();
  });

  it('end where redirects lead in circles', async () => {
    answers.set(`/team/${fileName(nar)}`, {
      status: 302,
      headers: { Location: fileName(nar).slice(4) },
    });
    await expect(get()).rejects.toMatchObject({
      code: 'store/upstream-refused',
    });
  });

  it('come with the tolerances that real caches need', async () => {
    answerNarInfo(
      info.text
        .replace('References: \n', 'References:\n')
        .concat('Deriver: unknown-deriver\n'),
    );
    expect(await get()).toBeDefined();
  });

  const changes: [string, (text: string) => string][] = [
    [
      'of another path',
      (text) => text.replace(/000-built|001-built/, '222-built'),
    ],
    ['that is malformed', () => 'nonsense'],
    [
      'with another NAR hash',
      (text) =>
        text.replace(/NarHash: .*/, `NarHash: sha256:${'0'.repeat(52)}`),
    ],
    [
      'with a larger size',
      (text) => text.replace(/NarSize: .*/, `NarSize: ${nar.length + 8}`),
    ],
    [
      'with a smaller size',
      (text) => text.replace(/NarSize: .*/, `NarSize: ${nar.length - 8}`),
    ],
    [
      'with a file on another host',
      (text) => text.replace(/URL: .*/, 'URL: http://127.0.0.2:9/x'),
    ],
    [
      'with a file that is no web address',
      (text) => text.replace(/URL: .*/, 'URL: file:///etc/passwd'),
    ],
    [
      'with a file outside its path',
      (text) => text.replace(/URL: .*/, 'URL: ../../x'),
    ],
    [
      'whose file is missing',
      (text) => text.replace(/URL: .*/, 'URL: nar/none'),
    ],
  ];
  for (const [what, change] of changes) {
    it(`are refused as corrupt for a narinfo ${what}`, async () => {
      answerNarInfo(change(info.text));
      await expect(get()).rejects.toMatchObject({
        code: 'store/upstream-corrupt',
      });
      expect(asked.some(({ path }) => path === '/x')).toBe(false);
    });
  }

  it('are refused as corrupt where bytes follow the archive', async () => {
    answers.set(`/team/${fileName(nar)}`, {
      body: Buffer.concat([nar, Buffer.alloc(8)]),
    });
    await expect(get()).rejects.toMatchObject({
      code: 'store/upstream-corrupt',
    });
  });

  it('are refused for a compression that nobody knows', async () => {
    answerNarInfo(info.text.replace('Compression: none', 'Compression: rar'));
    await expect(get()).rejects.toMatchObject({
      code: 'store/unsupported-compression',
    });
  });

  it('need a signature by one of the trusted keys, where there are some', async () => {
    const key = await SecretKey.generate('cache-1');
    const stranger = await SecretKey.generate('cache-1');
    const trusting = (keys: readonly PublicKey[]) =>
      new NixHttpPathInfoService(base, here, { trustedKeys: keys });
    const parsed = parseNarInfo(info.text);
    answerNarInfo(
      formatNarInfo({
        ...parsed,
        signatures: [await key.sign(fingerprint(parsed))],
      }),
    );
    expect(
      await get(trusting([stranger.publicKey, key.publicKey])),
    ).toBeDefined();
    for (const keys of [[stranger.publicKey], []])
      await expect(get(trusting(keys))).rejects.toMatchObject({
        code: 'store/untrusted',
      });
  });

  it('are asked for with the password of the address, or of a netrc file', async () => {
    const basic = (login: string) =>
      `Basic ${Buffer.from(login).toString('base64')}`;
    const withUser = new URL(base);
    withUser.username = 'me';
    withUser.password = 'pass word';
    await get(new NixHttpPathInfoService(withUser, here));
    expect(asked[0]!.authorization).toBe(basic('me:pass word'));
    asked = [];
    const netrc = Netrc.parse(
      '# comment\nmachine other login a password b\nmachine 127.0.0.1\n  login x\n  password y\ndefault login d password e\n',
    );
    await get(new NixHttpPathInfoService(base, here, { netrc }));
    expect(asked[0]!.authorization).toBe(basic('x:y'));
    expect(netrc.loginFor('unknown')).toBe('d:e');
  });

  it('are neither stored nor listed', async () => {
    const service = new NixHttpPathInfoService(base, here);
    expect(service.capabilities).toStrictEqual({
      put: false,
      list: false,
      delete: false,
    });
    await expect(service.put()).rejects.toMatchObject({
      code: 'store/unsupported',
    });
    await expect(service.list().next()).rejects.toMatchObject({
      code: 'store/unsupported',
    });
  });

  it('keep passwords out of what is said of failures', async () => {
    const withLogin = new URL(base);
    withLogin.username = 'me';
    withLogin.password = 'open-sesame';
    const key = (await SecretKey.generate('k-1')).publicKey;
    answerNarInfo(formatNarInfo({ ...parseNarInfo(info.text), url: 'nar/x' }));
    for (const trustedKeys of [undefined, [key]]) {
      const service = new NixHttpPathInfoService(withLogin, here, {
        ...(trustedKeys && { trustedKeys }),
      });
      const failure = await get(service).catch((error: unknown) => error);
      expect(failure).toMatchObject({
        code: trustedKeys ? 'store/untrusted' : 'store/upstream-corrupt',
      });
      expect(inspect(failure, { depth: 9 })).not.toContain('open-sesame');
    }
    expect(() =>
      NixHttpPathInfoService.fromAddress(
        'nix+http://me:open-sesame@host?trusted-public-keys=x',
        here,
      ),
    ).toThrow('"nix+http://host?trusted-public-keys=x"');
  });

  it('ask for no NAR that is longer than may be', async () => {
    const service = new NixHttpPathInfoService(base, here, { maxNarBytes: 10 });
    await expect(get(service)).rejects.toMatchObject({
      code: 'store/upstream-corrupt',
    });
    expect(asked.map(({ path }) => path)).toStrictEqual([
      `/team/${info.storePath.hashPart}.narinfo`,
    ]);
  });
});

describe('the address of a binary cache', () => {
  it('may carry trusted keys, of which the last list counts', async () => {
    const key = await SecretKey.generate('cache-1');
    const text = encodeURIComponent(key.publicKey.toString());
    const service = NixHttpPathInfoService.fromAddress(
      `nix+${base.href}?trusted-public-keys=nonsense&trusted-public-keys=${text}`,
      here,
    );
    await expect(get(service)).rejects.toMatchObject({
      code: 'store/untrusted',
    });
    const nobody = NixHttpPathInfoService.fromAddress(
      `nix+${base.href}?trusted-public-keys=`,
      here,
    );
    await expect(get(nobody)).rejects.toMatchObject({
      code: 'store/untrusted',
    });
  });

  it.each([
    'nix+ftp://x',
    'http://x',
    'nix+http://',
    'nix+http://x?trusted-public-keys=bad',
  ])('is refused as %s', (address) => {
    expect(() => NixHttpPathInfoService.fromAddress(address, here)).toThrow(
      expect.objectContaining({ code: 'store/invalid-upstream' }),
    );
  });
});
