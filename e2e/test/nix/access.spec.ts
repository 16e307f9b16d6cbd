import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith } from '../../support/machine.ts';
import { hashPart, NixCache } from '../../support/nix-cache.ts';

describeWith(['nix', 'root'], 'the real Nix client', () => {
  let cache: NixCache;
  beforeAll(async () => {
    cache = await NixCache.start();
  });
  afterAll(() => cache.stop());

  it('shows its token as the password in the URL or in a netrc file', async () => {
    const { nix, url, port } = cache;
    const sha256 = (text: string): string =>
      createHash('sha256').update(text).digest('hex');
    const tokens = join(cache.folder, 'tokens');
    writeFileSync(
      tokens,
      `ci read,write sha256:${sha256('hunter2')}\nreader read sha256:${sha256('look')}\n`,
    );
    await cache.restart('--http-tokens', tokens);
    const path = await nix.add(nix.deps);
    const copy = (to: string, options = '') =>
      nix.run(`nix --store ${nix.source} ${options} copy --to ${to} ${path}`);
    const as = (user: string): string => `http://${user}@127.0.0.1:${port}`;
    expect((await copy(url)).code).not.toBe(0);
    expect((await copy(as('x:look'))).stderr).toContain(
      'lacks the scope write',
    );
    expect((await copy(as('x:hunter2'))).code).toBe(0);
    const netrc = join(cache.folder, 'netrc');
    writeFileSync(netrc, 'machine 127.0.0.1 login any password hunter2\n');
    expect((await copy(url, `--option netrc-file ${netrc}`)).code).toBe(0);
    expect((await fetch(`${url}/nix-cache-info`)).status).toBe(401);
    const bearer = await fetch(`${url}/${hashPart(path)}.narinfo`, {
      headers: { Authorization: 'Bearer look' },
    });
    expect(bearer.status).toBe(200);
  });

  it('trusts what the daemon has signed', async () => {
    const { nix, url, trusted } = cache;
    await cache.restart('--sign-key', cache.secretKey);
    const folder = join(cache.folder, 'unsigned');
    mkdirSync(folder);
    const path = await nix.add(folder);
    await cache.upload(path);
    expect(await cache.narInfo(path)).toContain('Sig: test.example-1:');
    expect(await cache.file('pubkey')).toBe(
      `${readFileSync(cache.publicKey, 'utf8').trim()}\n`,
    );
    expect(
      (await nix.run(`nix store verify --store ${url} ${trusted} ${path}`))
        .code,
    ).toBe(0);
  });

  it('is refused without a trusted signature, where one is wanted', async () => {
    const { nix, url, publicKey, secretKey } = cache;
    const key = readFileSync(publicKey, 'utf8').trim();
    await cache.restart(
      ...['--require-trusted-signature', '--trusted-public-key', key],
    );
    const built = await nix.build('dep');
    const copy = (query: string) =>
      nix.run(`nix --store ${nix.source} copy --to '${url}${query}' ${built}`);
    const strange = join(cache.folder, 'strange');
    await nix.text(
      `nix key generate-secret --key-name test.example-1 > ${strange}`,
    );
    for (const query of ['', `?secret-key=${strange}`]) {
      const { code, stderr } = await copy(query);
      expect(code).toBe(1);
      expect(stderr).toContain('trusted key');
    }
    expect(await cache.narInfo(built)).not.toContain('StorePath');
    expect((await copy(`?secret-key=${secretKey}`)).code).toBe(0);
    expect(await cache.narInfo(built)).toContain('StorePath');
    // What its path is made of needs no signature.
    const file = join(cache.folder, 'made-of-itself');
    writeFileSync(file, 'contents');
    await cache.upload(await nix.add(file));
  });
});
