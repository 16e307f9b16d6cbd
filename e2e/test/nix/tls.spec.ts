import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describeWith } from '../../support/machine.ts';
import { NixCache } from '../../support/nix-cache.ts';
import { output, runProgram } from '../../support/program.ts';
import { seededBytes } from '../../support/trees.ts';

describeWith(['nix', 'root'], 'a daemon with a certificate', () => {
  let cache: NixCache;
  /** Small paths that are here, and larger ones that aren't. */
  let many: string[];
  let large: string;
  let unwanted: string;
  let cert: string;
  let tls: string[];

  beforeAll(async () => {
    cache = await NixCache.start();
    const { folder, nix } = cache;
    many = [];
    for (let i = 0; i < 8; i++) {
      const path = join(folder, `small-${i}`);
      writeFileSync(path, `small ${i}`);
      many.push(await nix.add(path));
    }
    await cache.upload(many.join(' '));
    [large = '', unwanted = ''] = await Promise.all(
      ['large', 'unwanted'].map((name, i) => {
        writeFileSync(join(folder, name), seededBytes(i + 7, 9_000_000));
        return nix.add(join(folder, name));
      }),
    );
    cert = join(cache.folder, 'cert.pem');
    const key = join(cache.folder, 'key.pem');
    await output(
      runProgram('openssl', [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'],
        ...['-subj', '/CN=localhost'],
        ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
        ...['-keyout', key, '-out', cert],
      ]),
    );
    tls = ['--http-tls-cert', cert, '--http-tls-key', key];
    await cache.restart(...tls);
  });
  afterAll(() => cache.stop());

  for (const version of ['HTTP/2', 'HTTP/1.1']) {
    it(`is read and written over ${version}`, async () => {
      const { nix, port } = cache;
      // What it takes is counted on the way.
      let connections = 0;
      const between = createServer((socket) => {
        connections++;
        const onward = connect(port, '127.0.0.1');
        for (const end of [socket, onward]) end.on('error', () => undefined);
        socket.pipe(onward).pipe(socket);
      }).listen(0, '127.0.0.1');
      await once(between, 'listening');
      const url = `https://localhost:${(between.address() as AddressInfo).port}`;
      const option = `--option http2 ${version === 'HTTP/2'} --option http-connections 8`;
      const paths = many.join(' ');
      const realise = `nix-store --store ${nix.emptyStore('tls')} ${option} --option substituters ${url} --option require-sigs false -j 8 -r ${paths}`;
      const { code, stderr } = await nix.run(realise, {
        NIX_SSL_CERT_FILE: cert,
      });
      expect([code, code === 0 ? '' : stderr]).toStrictEqual([0, '']);
      if (version === 'HTTP/2') expect(connections).toBe(1);
      else expect(connections).toBeGreaterThan(1);
      const upload = `nix --store ${nix.source} ${option} copy --to ${url}?compression=none ${large}`;
      await nix.text(upload, { NIX_SSL_CERT_FILE: cert });
      between.close();
    });
  }

  it('refuses an upload over HTTP/2 whose body nobody wants', async () => {
    const { nix, port } = cache;
    const tokens = join(cache.folder, 'tokens');
    writeFileSync(tokens, 'anonymous read\n');
    await cache.restart(...tls, '--http-tokens', tokens);
    const refused = await nix.run(
      `nix --store ${nix.source} copy --to 'https://localhost:${port}?compression=none' ${unwanted}`,
      { NIX_SSL_CERT_FILE: cert },
    );
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('a token with the scope write is needed');
  });
});
