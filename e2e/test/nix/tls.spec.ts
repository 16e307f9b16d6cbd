import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { describeWith } from '../../support/machine.ts';
import { NixCache } from '../../support/nix-cache.ts';
import type { Closure } from '../../support/nix-cache.ts';
import { output, runProgram } from '../../support/program.ts';

describeWith(['nix', 'root'], 'a daemon with a certificate', () => {
  let cache: NixCache;
  let closure: Closure;
  let cert: string;

  beforeAll(async () => {
    cache = await NixCache.start();
    closure = await cache.uploadClosure();
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
    await cache.restart('--http-tls-cert', cert, '--http-tls-key', key);
  });
  afterAll(() => cache.stop());

  for (const version of ['HTTP/2', 'HTTP/1.1']) {
    it(`is read and written over ${version}`, async () => {
      const { nix, port } = cache;
      const url = `https://localhost:${port}`;
      const option = `--option http2 ${version === 'HTTP/2'}`;
      const { code, stderr } = await nix.run(
        `nix-store --store ${nix.emptyStore('tls')} ${option} --option substituters ${url} --option require-sigs false -r ${closure.top}
nix --store ${nix.source} ${option} copy --to ${url} ${closure.drv}`,
        { NIX_SSL_CERT_FILE: cert },
      );
      expect([code, code === 0 ? '' : stderr]).toStrictEqual([0, '']);
    });
  }
});
