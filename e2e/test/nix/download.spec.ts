import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith } from '../../support/machine.ts';
import { hashPart, NixCache } from '../../support/nix-cache.ts';
import type { Closure } from '../../support/nix-cache.ts';
import { Relay } from '../../support/relay.ts';
import { seededBytes } from '../../support/trees.ts';

describeWith(['nix', 'root'], 'the real Nix client downloads', () => {
  let cache: NixCache;
  let closure: Closure;

  beforeAll(async () => {
    cache = await NixCache.start();
    closure = await cache.uploadClosure();
  });
  afterAll(() => cache.stop());

  function expectWhole(into: string): void {
    const greeting = join(into, closure.dep, 'share/greeting');
    expect(readFileSync(greeting, 'utf8')).toBe('hello\n');
    expect(existsSync(join(into, closure.top, 'bin/top'))).toBe(true);
  }

  it('a closure without signatures', async () => {
    const { nix, url } = cache;
    const into = nix.emptyStore('d1');
    await nix.text(
      `nix --store ${into} copy --no-check-sigs --from ${url} ${closure.top}`,
    );
    expectWhole(into);
  });

  it('a closure by its signatures', async () => {
    const { nix, url, trusted } = cache;
    const into = nix.emptyStore('d2');
    await nix.text(
      `nix --store ${into} copy --from ${url} ${trusted} ${closure.top}`,
    );
    expectWhole(into);
  });

  it('what nix-store -r asks for, with the key and not without it', async () => {
    const { nix, url, trusted } = cache;
    const realise = (into: string, options: string) =>
      nix.run(
        `nix-store --store ${into} --option substituters ${url} ${options} -r ${closure.top}`,
      );
    const refused = await realise(nix.emptyStore('d3'), '');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('is not signed by any of the keys');
    for (const option of [trusted, '--option require-sigs false']) {
      const into = nix.emptyStore('d4');
      expect((await realise(into, option)).code).toBe(0);
      expectWhole(into);
    }
  });

  it('what nix build asks for', async () => {
    const { nix, url, trusted } = cache;
    const into = nix.emptyStore('d5');
    await nix.text(
      `nix build ${closure.top} --no-link --store ${into} --substituters ${url} ${trusted}`,
    );
    expectWhole(into);
  });

  it('from two caches at once, each of which has a part', async () => {
    const { nix, url, secretKey, trusted } = cache;
    const second = await NixCache.start();
    try {
      const folder = join(cache.folder, 'elsewhere');
      mkdirSync(folder);
      writeFileSync(join(folder, 'file'), 'only in the second');
      const path = await nix.add(folder);
      await nix.text(
        `nix --store ${nix.source} copy --to '${second.url}?secret-key=${secretKey}' ${path}`,
      );
      const into = nix.emptyStore('d9');
      await nix.text(
        `nix-store --store ${into} --option substituters '${url}?priority=5 ${second.url}' --option http-connections 4 -j 8 ${trusted} -r ${closure.top} ${path}`,
      );
      expectWhole(into);
      expect(existsSync(join(into, path, 'file'))).toBe(true);
    } finally {
      await second.stop();
    }
  });

  it('on from where a connection broke off', async () => {
    const { nix, url } = cache;
    const large = await uploadLarge('large', 3_000_000);
    const into = nix.emptyStore('resumed');
    let isFirst = true;
    await using relay = await Relay.start(url, ({ path }) => {
      if (!path.startsWith('/nar/') || !isFirst) return undefined;
      isFirst = false;
      return 'break-off';
    });
    await nix.text(
      `nix --store ${into} copy --no-check-sigs --from ${relay.url} ${large}
cmp ${into}${large} ${cache.folder}/large`,
    );
    const ranges = relay.asked
      .filter(({ path }) => path.startsWith('/nar/'))
      .map(({ range }) => range);
    expect(ranges).toStrictEqual([
      undefined,
      expect.stringMatching(/^bytes=[1-9][0-9]+-$/),
    ]);
  });

  it('nothing whose bytes changed on the way', async () => {
    const { nix, url } = cache;
    const large = await uploadLarge('changed', 300_000);
    const into = nix.emptyStore('changed');
    await using relay = await Relay.start(url, ({ path }) =>
      path.startsWith('/nar/') ? 'flip-a-byte' : undefined,
    );
    const { code, stderr } = await nix.run(
      `nix --store ${into} copy --no-check-sigs --from ${relay.url} ${large}`,
    );
    expect(code).toBe(1);
    expect(stderr).toContain('hash mismatch importing path');
    const registered = `nix path-info --store ${into} ${large}`;
    expect((await nix.run(registered)).code).toBe(1);
    const verified = await nix.run(
      `nix store verify --no-trust --store ${relay.url} ${large}`,
    );
    expect(verified.code).toBe(1);
  });

  it('with fetchClosure', async () => {
    const { nix, url, trusted } = cache;
    // It takes only what is addressed by its contents.
    const path = await nix.add(nix.deps);
    await cache.upload(path);
    const expression = `(builtins.fetchClosure { fromStore = "${url}"; fromPath = ${path}; }) + ""`;
    const fetched = await nix.text(
      `nix --store ${nix.emptyStore('d7')} eval --impure --raw ${trusted} --expr '${expression}'`,
    );
    expect(fetched).toBe(path);
  });

  it('from cache to cache, and from a folder that curl reads', async () => {
    const { nix, url } = cache;
    const folder = join(cache.folder, 'fc');
    await nix.text(
      `nix copy --from ${url} --to 'file://${folder}?compression=none' --no-check-sigs ${closure.top}`,
    );
    expect(existsSync(join(folder, `${hashPart(closure.dep)}.narinfo`))).toBe(
      true,
    );
    const into = nix.emptyStore('forced');
    await nix.text(
      `nix --store ${into} copy --no-check-sigs --from file://${folder} ${closure.top}`,
      { _NIX_FORCE_HTTP: '1' },
    );
    expectWhole(into);
    await nix.text(`nix copy --from file://${folder} --to ${url} --all`);
  });

  it('all of it again after the daemon was restarted', async () => {
    const { nix, url, trusted } = cache;
    await cache.restart();
    const into = nix.emptyStore('restart');
    await nix.text(
      `nix --store ${into} copy --from ${url} ${trusted} ${closure.top}`,
    );
    expectWhole(into);
  });

  async function uploadLarge(name: string, length: number): Promise<string> {
    const path = join(cache.folder, name);
    writeFileSync(path, seededBytes(5, length));
    return cache.nix.text(
      `nix store add-file ${path} --name ${name} --store '${cache.url}?compression=none'`,
    );
  }
});
