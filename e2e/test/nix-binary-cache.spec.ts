import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {
  createServer as createHttpServer,
  request as requestHttp,
} from 'node:http';
import { basename, join } from 'node:path';
import { Daemon } from '../support/daemon.ts';
import { freePort } from '../support/free-port.ts';
import { NixClient } from '../support/nix-client.ts';
import { output, runProgram, tvixStore } from '../support/program.ts';
import { scratchFolder } from '../support/scratch.ts';
import { makeShapes, seededBytes } from '../support/trees.ts';

const COMPRESSIONS = [
  'none',
  'xz',
  'zstd',
  'bzip2',
  'gzip',
  'br',
  'lz4',
  'lzip',
];

const scratch = scratchFolder();
const store = `local:${join(scratch.path, 'store')}`;
const nix = new NixClient(scratch.path);
const secretKey = join(scratch.path, 'sk');
const publicKey = join(scratch.path, 'pk');
let port: number;
let daemon: Daemon;
let url: string;
let top: string;
let dep: string;
let tree: string;

function startDaemon(...flags: string[]): Promise<Daemon> {
  return Daemon.start([
    '--store',
    store,
    '-l',
    '127.0.0.1:0',
    '--http-listen',
    `127.0.0.1:${port}`,
    ...flags,
  ]);
}

const hashPart = (path: string): string => basename(path).slice(0, 32);

async function file(path: string): Promise<string> {
  return (await fetch(`${url}/${path}`)).text();
}

const trusted = (): string[] => [
  '--option',
  'trusted-public-keys',
  readFileSync(publicKey, 'utf8').trim(),
];

beforeAll(async () => {
  port = await freePort();
  url = `http://127.0.0.1:${port}`;
  daemon = await startDaemon();
  tree = join(scratch.path, 'tree');
  mkdirSync(join(tree, 'sub'), { recursive: true });
  writeFileSync(join(tree, 'sub/file'), 'hello');
  const key = await nix.bytes(
    'nix',
    'key',
    'generate-secret',
    '--key-name',
    'test.example-1',
  );
  writeFileSync(secretKey, key);
  const half = await output(
    runProgram('nix', ['key', 'convert-secret-to-public'], {
      input: key,
      env: {
        HOME: scratch.path,
        NIX_CONFIG: 'experimental-features = nix-command',
      },
    }),
  );
  writeFileSync(publicKey, half);
  top = await nix.build('top');
  dep = await nix.build('dep');
  await nix.bytes(
    'nix',
    '--store',
    nix.source,
    'copy',
    '--to',
    `${url}?secret-key=${secretKey}&write-nar-listing=1&index-debug-info=1&compression=zstd`,
    top,
  );
});

afterAll(async () => {
  await daemon.stop();
  scratch.remove();
});

describe('the real Nix client uploads', () => {
  it('a closure with its references and signatures', async () => {
    const info = await file(`${hashPart(top)}.narinfo`);
    expect(info).toContain(`StorePath: ${top}`);
    expect(info).toContain(basename(dep));
    expect(info).toContain('Sig: test.example-1:');
  });

  for (const compression of COMPRESSIONS) {
    it(`compressed as ${compression}, and downloads it as it was`, async () => {
      // The client has it for these two alone.
      const isParallel = compression === 'xz' || compression === 'zstd';
      const parallel = isParallel ? '&parallel-compression=1' : '';
      const folder = join(scratch.path, `tree-${compression}`);
      makeShapes(folder);
      // Those take the client a minute.
      if (['br', 'lzip', 'xz'].includes(compression))
        rmSync(join(folder, 'large-files'), { recursive: true });
      const path = await nix.text(
        'nix-store',
        '--store',
        nix.source,
        '--add',
        folder,
      );
      await nix.bytes(
        'nix',
        '--store',
        nix.source,
        'copy',
        '--to',
        `${url}?compression=${compression}&compression-level=1${parallel}`,
        path,
      );
      const dump = await nix.bytes(
        'nix',
        'store',
        'dump-path',
        '--store',
        url,
        path,
      );
      const expected = await nix.bytes('nix-store', '--dump', folder);
      expect(dump.equals(expected)).toBe(true);
    });
  }

  it('and reads what it has uploaded before it forgets how', async () => {
    const folder = join(scratch.path, 'remembered');
    for (const compression of COMPRESSIONS) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'file'), compression.repeat(1000));
      const path = await nix.text(
        'nix-store',
        '--store',
        nix.source,
        '--add',
        folder,
      );
      const into = nix.emptyStore(`remembered-${compression}`);
      // One process after the other, with nothing forgotten between them.
      const script = `set -e
nix --store ${nix.source} copy --to '${url}?compression=${compression}' ${path}
nix --store ${into} copy --no-check-sigs --from ${url} ${path}`;
      const { code, stderr } = await nix.run('sh', ['-c', script]);
      expect([code, code === 0 ? '' : stderr]).toStrictEqual([0, '']);
      expect(existsSync(join(into, path))).toBe(true);
    }
  });

  it('files, trees and texts straight into the cache', async () => {
    const added = await nix.text(
      'nix',
      'store',
      'add-path',
      tree,
      '--name',
      'added',
      '--store',
      url,
    );
    const flat = await nix.text(
      'nix',
      'store',
      'add-file',
      join(tree, 'sub/file'),
      '--name',
      'n',
      '--store',
      url,
    );
    const old = await nix.text('nix-store', '--add', tree, '--store', url);
    for (const path of [added, flat, old])
      expect(await file(`${hashPart(path)}.narinfo`)).toContain(path);
    const text = await nix.text(
      'nix',
      'eval',
      '--store',
      url,
      '--impure',
      '--raw',
      '--expr',
      'builtins.toFile "x.txt" "hello"',
    );
    expect(await file(`serve/${hashPart(text)}/`)).toBe('hello');
    const drv = await nix.text(
      'nix-instantiate',
      '--store',
      url,
      nix.deps,
      '-A',
      'dep',
    );
    expect(await file(`${hashPart(drv)}.narinfo`)).toContain(
      'CA: text:sha256:',
    );
  });

  it('more signatures', async () => {
    const other = join(scratch.path, 'sk2');
    writeFileSync(
      other,
      await nix.bytes(
        'nix',
        'key',
        'generate-secret',
        '--key-name',
        'second-1',
      ),
    );
    await nix.bytes('nix', 'store', 'sign', '--store', url, '-k', other, dep);
    const info = await file(`${hashPart(dep)}.narinfo`);
    expect(info).toContain('Sig: second-1:');
    expect(info).toContain('Sig: test.example-1:');
  });

  it('signatures of another cache', async () => {
    const path = await nix.text(
      'nix-store',
      '--store',
      nix.source,
      '--add',
      tree,
    );
    const beside = `file://${join(scratch.path, 'beside')}`;
    await nix.bytes(
      'nix',
      '--store',
      nix.source,
      'copy',
      '--to',
      `${beside}?secret-key=${secretKey}`,
      path,
    );
    await nix.bytes('nix', '--store', nix.source, 'copy', '--to', url, path);
    await nix.bytes(
      'nix',
      'store',
      'copy-sigs',
      '--store',
      url,
      '-s',
      beside,
      path,
    );
    expect(await file(`${hashPart(path)}.narinfo`)).toContain(
      'Sig: test.example-1:',
    );
  });

  it('the log of a build, and reads it', async () => {
    const drv = await nix.text(
      'nix-instantiate',
      '--store',
      nix.source,
      nix.deps,
      '-A',
      'top',
    );
    await nix.bytes(
      'nix',
      '--store',
      nix.source,
      'store',
      'copy-log',
      '--to',
      url,
      drv,
    );
    expect(await nix.text('nix', 'log', '--store', url, top)).toContain(
      'built top',
    );
  });

  it('what content-addressed derivations became, and builds nothing again', async () => {
    const path = await nix.buildCa(nix.source);
    await nix.bytes(
      'nix',
      '--store',
      nix.source,
      'copy',
      '--to',
      url,
      '-f',
      nix.ca,
    );
    const into = nix.emptyStore('ca');
    const again = await nix.buildCa(
      into,
      '--option',
      'substituters',
      url,
      '--option',
      'require-sigs',
      'false',
      '--max-jobs',
      '0',
    );
    expect(again).toBe(path);
  });
});

describe('the real Nix client downloads', () => {
  it('a closure without signatures', async () => {
    const into = nix.emptyStore('d1');
    await nix.bytes(
      'nix',
      '--store',
      into,
      'copy',
      '--no-check-sigs',
      '--from',
      url,
      top,
    );
    expect(readFileSync(join(into, dep, 'share/greeting'), 'utf8')).toBe(
      'hello\n',
    );
  });

  it('a closure by its signatures', async () => {
    const into = nix.emptyStore('d2');
    await nix.bytes(
      'nix',
      '--store',
      into,
      'copy',
      '--from',
      url,
      ...trusted(),
      top,
    );
    expect(existsSync(join(into, top))).toBe(true);
  });

  it('substitutes with nix-store -r, with the key and not without it', async () => {
    const realise = (into: string, ...options: string[]) =>
      nix.run('nix-store', [
        '--store',
        into,
        '--option',
        'substituters',
        url,
        ...options,
        '-r',
        top,
      ]);
    const refused = await realise(nix.emptyStore('d3'));
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('is not signed by any of the keys');
    expect((await realise(nix.emptyStore('d3'), ...trusted())).code).toBe(0);
    expect(
      (await realise(nix.emptyStore('d4'), '--option', 'require-sigs', 'false'))
        .code,
    ).toBe(0);
  });

  it('with many at a time', async () => {
    const into = nix.emptyStore('d9');
    await nix.bytes(
      'nix-store',
      '--store',
      into,
      '--option',
      'substituters',
      `${url}?priority=5`,
      '--option',
      'http-connections',
      '4',
      '-j',
      '8',
      '--option',
      'require-sigs',
      'false',
      '-r',
      top,
    );
    expect(existsSync(join(into, top))).toBe(true);
  });

  it('on from where a connection broke off', async () => {
    const path = join(scratch.path, 'large');
    writeFileSync(path, seededBytes(5, 20_000_000));
    const large = await nix.text(
      'nix',
      'store',
      'add-file',
      path,
      '--name',
      'large',
      '--store',
      `${url}?compression=none`,
    );
    const asked: (string | undefined)[] = [];
    const proxy = createHttpServer((request, response) => {
      const { method, url: target, headers } = request;
      const isNar = target!.startsWith('/nar/') && method === 'GET';
      if (isNar) asked.push(headers.range);
      const breaksOff = isNar && asked.length === 1;
      const onward = requestHttp(
        `${url}${target!}`,
        { method, headers },
        (answer) => {
          response.writeHead(answer.statusCode!, answer.headers);
          let sent = 0;
          answer.on('data', (piece: Buffer) => {
            sent += piece.length;
            response.write(piece);
            if (breaksOff && sent > 5_000_000)
              response.write('', () => response.destroy());
          });
          answer.on('end', () => response.end());
        },
      );
      response.on('close', () => onward.destroy());
      onward.on('error', () => response.destroy());
      onward.end();
    });
    const proxyPort = await freePort();
    await new Promise<void>((resolve) =>
      proxy.listen(proxyPort, '127.0.0.1', resolve),
    );
    try {
      const into = nix.emptyStore('resumed');
      await nix.bytes(
        'nix',
        '--store',
        into,
        'copy',
        '--no-check-sigs',
        '--from',
        `http://127.0.0.1:${proxyPort}`,
        large,
      );
      expect(readFileSync(join(into, large)).equals(readFileSync(path))).toBe(
        true,
      );
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
    expect(asked[0]).toBeUndefined();
    expect(asked[1]).toMatch(/^bytes=[1-9][0-9]+-$/);
  });

  it('with nix build', async () => {
    const into = nix.emptyStore('d5');
    await nix.bytes(
      'nix',
      'build',
      top,
      '--no-link',
      '--store',
      into,
      '--substituters',
      url,
      ...trusted(),
    );
    expect(existsSync(join(into, top))).toBe(true);
  });

  it('with fetchClosure', async () => {
    const into = nix.emptyStore('d7');
    // It takes only what is addressed by its contents.
    const path = await nix.text(
      'nix-store',
      '--store',
      nix.source,
      '--add',
      tree,
    );
    await nix.bytes('nix', '--store', nix.source, 'copy', '--to', url, path);
    const fetched = await nix.text(
      'nix',
      '--store',
      into,
      'eval',
      '--impure',
      '--raw',
      ...trusted(),
      '--expr',
      `(builtins.fetchClosure { fromStore = "${url}"; fromPath = ${path}; }) + ""`,
    );
    expect(fetched).toBe(path);
  });

  it('from cache to cache', async () => {
    const to = join(scratch.path, 'fc');
    await nix.bytes(
      'nix',
      'copy',
      '--from',
      url,
      '--to',
      `file://${to}?compression=none`,
      '--no-check-sigs',
      top,
    );
    expect(existsSync(join(to, `${hashPart(dep)}.narinfo`))).toBe(true);
  });
});

describe('the real Nix client looks', () => {
  it('at the cache itself', async () => {
    const { code } = await nix.run('nix', ['store', 'ping', '--store', url]);
    expect(code).toBe(0);
  });

  it('at path infos', async () => {
    const json = JSON.parse(
      await nix.text(
        'nix',
        'path-info',
        '--store',
        url,
        '--json',
        '-r',
        '-S',
        '-s',
        top,
      ),
    ) as { path: string; closureSize: number }[];
    expect(json.map(({ path }) => path).sort()).toStrictEqual(
      [top, dep].sort(),
    );
  });

  it('at why a path depends on another', async () => {
    const why = await nix.text('nix', 'why-depends', '--store', url, top, dep);
    expect(why).toContain(basename(dep));
  });

  it('at the files of a path', async () => {
    expect(
      await nix.text('nix', 'store', 'ls', '--store', url, '-R', '-l', top),
    ).toContain('./bin/top');
    const ours = JSON.parse(
      await nix.text('nix', 'store', 'ls', '--store', url, '--json', '-R', top),
    ) as unknown;
    const { root } = JSON.parse(await file(`${hashPart(top)}.ls`)) as {
      root: unknown;
    };
    expect(root).toStrictEqual(ours);
  });

  it('into a file', async () => {
    expect(
      await nix.text(
        'nix',
        'store',
        'cat',
        '--store',
        url,
        `${dep}/share/greeting`,
      ),
    ).toBe('hello');
    const local = join(scratch.path, 'nar-cache');
    mkdirSync(local);
    expect(
      await nix.text(
        'nix',
        'store',
        'cat',
        '--store',
        `${url}?local-nar-cache=${local}`,
        `${dep}/share/greeting`,
      ),
    ).toBe('hello');
  });

  it('whether contents and signatures are right', async () => {
    const { code } = await nix.run('nix', [
      'store',
      'verify',
      '--store',
      url,
      '-r',
      ...trusted(),
      top,
    ]);
    expect(code).toBe(0);
    const untrusted = await nix.run('nix', [
      'store',
      'verify',
      '--store',
      url,
      '-r',
      top,
    ]);
    expect(untrusted.code).toBe(2);
    const into = nix.emptyStore('d10');
    await nix.bytes(
      'nix',
      '--store',
      into,
      'copy',
      '--no-check-sigs',
      '--from',
      url,
      top,
    );
    const beside = await nix.run('nix', [
      'store',
      'verify',
      '--store',
      into,
      '-r',
      '-s',
      url,
      ...trusted(),
      top,
    ]);
    expect(beside.code).toBe(0);
  });
});

describe('tvix-store itself', () => {
  it('reads from a binary cache by the address of one, if it trusts the key', async () => {
    const cat = (keys: string) =>
      tvixStore([
        'cat',
        ...['--store', 'memory:'],
        '--path-info-service-addr',
        `nix+${url}?trusted-public-keys=${encodeURIComponent(keys)}`,
        `${dep}/share/greeting`,
      ]);
    const key = readFileSync(publicKey, 'utf8').trim();
    expect((await output(cat(key))).toString()).toBe('hello\n');
    const refused = await cat('');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('trusted key');
  });
});

describe('a restart of the daemon', () => {
  it('leaves all that was uploaded', async () => {
    expect(await daemon.stop()).toBe(0);
    daemon = await startDaemon();
    const into = nix.emptyStore('restart');
    await nix.bytes(
      'nix',
      '--store',
      into,
      'copy',
      '--from',
      url,
      ...trusted(),
      top,
    );
    expect(existsSync(join(into, top))).toBe(true);
    expect(await nix.text('nix', 'log', '--store', url, top)).toContain(
      'built top',
    );
  });
});

describe('a daemon with tokens', () => {
  const tokens = join(scratch.path, 'tokens');
  const sha256 = (text: string): string =>
    createHash('sha256').update(text).digest('hex');

  it('takes uploads from who has one, as password in the URL or in a netrc file', async () => {
    await daemon.stop();
    writeFileSync(
      tokens,
      `ci read,write sha256:${sha256('hunter2')}\nreader read sha256:${sha256('look')}\n`,
    );
    daemon = await startDaemon('--http-tokens', tokens);
    const path = await nix.text(
      'nix',
      'store',
      'add-file',
      join(tree, 'sub/file'),
      '--name',
      'secret',
      '--store',
      nix.source,
    );
    const withUser = (user: string) => `http://${user}@127.0.0.1:${port}`;
    const copy = (to: string, ...options: string[]) =>
      nix.run('nix', [
        '--store',
        nix.source,
        ...options,
        'copy',
        '--to',
        to,
        path,
      ]);
    expect((await copy(url)).code).not.toBe(0);
    expect((await copy(withUser('x:look'))).stderr).toContain(
      'lacks the scope write',
    );
    expect((await copy(withUser('x:hunter2'))).code).toBe(0);
    const netrc = join(scratch.path, 'netrc');
    writeFileSync(netrc, 'machine 127.0.0.1 login any password hunter2\n');
    expect((await copy(url, '--option', 'netrc-file', netrc)).code).toBe(0);
    expect((await fetch(`${url}/nix-cache-info`)).status).toBe(401);
    const bearer = await fetch(`${url}/${hashPart(path)}.narinfo`, {
      headers: { Authorization: 'Bearer look' },
    });
    expect(bearer.status).toBe(200);
  });
});

describe('a daemon with keys of its own', () => {
  it('signs what is uploaded, so that clients trust it', async () => {
    await daemon.stop();
    daemon = await startDaemon('--sign-key', secretKey);
    const folder = join(scratch.path, 'unsigned');
    mkdirSync(folder);
    const path = await nix.text(
      'nix-store',
      '--store',
      nix.source,
      '--add',
      folder,
    );
    await nix.bytes('nix', '--store', nix.source, 'copy', '--to', url, path);
    expect(await file(`${hashPart(path)}.narinfo`)).toContain(
      'Sig: test.example-1:',
    );
    expect(await file('pubkey')).toBe(
      readFileSync(publicKey, 'utf8').trim() + '\n',
    );
  });
});

describe('a daemon with an upstream', () => {
  it('serves what it lacks, and keeps it when the upstream is gone', async () => {
    await daemon.stop();
    daemon = await startDaemon();
    const front = await freePort();
    const key = encodeURIComponent(readFileSync(publicKey, 'utf8').trim());
    await using second = await Daemon.start([
      '--store',
      `local:${join(scratch.path, 'second')}`,
      '-l',
      '127.0.0.1:0',
      '--http-listen',
      `127.0.0.1:${front}`,
      '--upstream',
      `${url}?trusted-public-keys=${key}`,
    ]);
    const from = `http://127.0.0.1:${front}`;
    const copy = (into: string) =>
      nix.run('nix', [
        '--store',
        into,
        'copy',
        '--from',
        from,
        ...trusted(),
        top,
      ]);
    expect((await copy(nix.emptyStore('u1'))).code).toBe(0);
    await daemon.stop();
    expect((await copy(nix.emptyStore('u2'))).code).toBe(0);
    expect(second.child.exitCode).toBeNull();
    daemon = await startDaemon();
  });
});

describe('a daemon with a certificate', () => {
  it('is reached over TLS', async () => {
    await daemon.stop();
    const cert = join(scratch.path, 'cert.pem');
    const key = join(scratch.path, 'key.pem');
    await output(
      runProgram('openssl', [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=DNS:localhost,IP:127.0.0.1',
        '-keyout',
        key,
        '-out',
        cert,
      ]),
    );
    daemon = await startDaemon('--http-tls-cert', cert, '--http-tls-key', key);
    const into = nix.emptyStore('tls');
    const { code, stderr } = await nix.run(
      'nix-store',
      [
        '--store',
        into,
        '--option',
        'substituters',
        `https://localhost:${port}`,
        '--option',
        'require-sigs',
        'false',
        '-r',
        top,
      ],
      { NIX_SSL_CERT_FILE: cert },
    );
    expect([code, code === 0 ? '' : stderr]).toStrictEqual([0, '']);
  });
});
