import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { describeWith } from '../../support/machine.ts';
import { NixCache } from '../../support/nix-cache.ts';
import type { Closure } from '../../support/nix-cache.ts';
import { output, tvixStore } from '../../support/program.ts';

describeWith(['nix', 'root'], 'a daemon with an upstream', () => {
  let upstream: NixCache;
  let closure: Closure;
  let key: string;

  beforeAll(async () => {
    upstream = await NixCache.start();
    closure = await upstream.uploadClosure();
    key = readFileSync(upstream.publicKey, 'utf8').trim();
  });
  afterAll(() => upstream.stop());

  it('lends its paths to tvix-store, if that trusts the key', async () => {
    const cat = (keys: string) =>
      tvixStore([
        ...['cat', '--store', 'memory:', '--path-info-service-addr'],
        `nix+${upstream.url}?trusted-public-keys=${encodeURIComponent(keys)}`,
        `${closure.dep}/share/greeting`,
      ]);
    expect((await output(cat(key))).toString()).toBe('hello\n');
    const refused = await cat('');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('trusted key');
  });

  it('serves what it lacks, and keeps it when the upstream is gone', async () => {
    const { nix, trusted } = upstream;
    const trustedUrl = `${upstream.url}?trusted-public-keys=${encodeURIComponent(key)}`;
    const front = await NixCache.start('--upstream', trustedUrl);
    try {
      const copy = (into: string) =>
        nix.run(
          `nix --store ${into} copy --from ${front.url} ${trusted} ${closure.top}`,
        );
      expect((await copy(nix.emptyStore('u1'))).code).toBe(0);
      await upstream.daemon.stop();
      expect((await copy(nix.emptyStore('u2'))).code).toBe(0);
      expect(front.daemon.child.exitCode).toBeNull();
    } finally {
      await front.stop();
    }
  });
});
