import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FolderCache } from '../../support/folder-cache.ts';
import { freePort } from '../../support/free-port.ts';
import { describeWith } from '../../support/machine.ts';
import { hashPart, NixCache } from '../../support/nix-cache.ts';
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

const COMPRESSIONS = 'none xz zstd bzip2 gzip br lz4 lzip'.split(' ');
const LOGIN = 'me:pass';

describeWith(['nix', 'root'], 'a daemon before the caches of others', () => {
  let front: NixCache;
  let there: FolderCache;
  /** A path in each compression. */
  let paths: string[];

  beforeAll(async () => {
    front = await NixCache.start();
    const { nix, folder, secretKey, publicKey } = front;
    const files = join(folder, 'team');
    paths = [];
    const copies: string[] = [];
    for (const compression of COMPRESSIONS) {
      const tree = join(folder, `tree-${compression}`);
      mkdirSync(tree);
      writeFileSync(join(tree, 'file'), compression.repeat(10_000));
      const path = await nix.add(tree);
      paths.push(path);
      copies.push(
        `nix --store ${nix.source} copy --to 'file://${files}?compression=${compression}&secret-key=${secretKey}' ${path}`,
      );
    }
    await nix.text(copies.join('\n'));
    there = await FolderCache.start(files, { login: LOGIN });
    const netrc = join(folder, 'netrc');
    const [user, password] = LOGIN.split(':');
    writeFileSync(
      netrc,
      `machine 127.0.0.1 login ${user} password ${password}\n`,
    );
    const key = readFileSync(publicKey, 'utf8').trim();
    await front.restart(
      ...['--netrc-file', netrc, '--trusted-public-key', key],
      // The first to be asked answers nobody.
      ...['--upstream', there.url],
      ...['--upstream', `http://127.0.0.1:${await freePort()}?priority=1`],
    );
  });
  afterAll(async () => {
    await front.stop();
    await there[Symbol.asyncDispose]();
  });

  it('asks the one that is dead once, and for what nobody has once', async () => {
    const absent = `${'1'.repeat(32)}.narinfo`;
    for (let i = 0; i < 3; i++)
      expect((await fetch(`${front.url}/${absent}`)).status).toBe(404);
    expect(there.countAsked(/\/1+\.narinfo/)).toStrictEqual([1]);
    const failures = front.daemon.log.filter((line) =>
      /the upstream failed/.test(line),
    );
    expect(failures.length).toBe(1);
    expect(failures[0]).toMatch(/store\/upstream-unavailable/);
  });

  it('passes on what the client compressed in any way, each fetched once, though two ask at a time', async () => {
    const { nix, url, trusted } = front;
    const stores = ['one', 'two'].map((name) => nix.emptyStore(name));
    const all = paths.join(' ');
    // Each with a home of its own: what a client remembers of caches it doesn't share.
    await nix.text(
      stores
        .map(
          (store) =>
            `HOME=${store}-home nix --store ${store} copy --from ${url} ${trusted} ${all} & pids="$pids $!"`,
        )
        .concat('for pid in $pids; do wait $pid; done')
        .join('\n'),
    );
    for (const store of stores)
      for (const [i, path] of paths.entries())
        expect(readFileSync(join(store, path, 'file'), 'utf8')).toBe(
          COMPRESSIONS[i]!.repeat(10_000),
        );
    expect(there.countAsked(/\/nar\//)).toStrictEqual(paths.map(() => 1));
  });

  it.each(['http://127.0.0.1:9/x.nar', '../x.nar', '../../etc/passwd'])(
    'fetches nothing from %s, where a narinfo leads there',
    async (elsewhere) => {
      const { nix, url, folder } = front;
      // A path that it has not fetched yet, with a signature that holds: it doesn't cover where the file lies.
      const tree = join(
        folder,
        `led-to-${Buffer.from(elsewhere).toString('hex')}`,
      );
      writeFileSync(tree, elsewhere);
      const path = await nix.add(tree);
      await nix.text(
        `nix --store ${nix.source} copy --to 'file://${join(folder, 'team')}?secret-key=${front.secretKey}' ${path}`,
      );
      const name = `${hashPart(path)}.narinfo`;
      const text = readFileSync(join(folder, 'team', name), 'utf8');
      there.changed.set(
        `/team/${name}`,
        text.replace(/^URL: .*$/m, `URL: ${elsewhere}`),
      );
      const before = there.asked.length;
      expect((await fetch(`${url}/${name}`)).status).toBe(404);
      expect(there.asked.slice(before)).toStrictEqual([`/team/${name}`]);
      const [logged] = await front.daemon.logged(new RegExp(hashPart(path)), 1);
      expect(logged).toContain('store/upstream-corrupt');
      expect(logged).toContain('its file lies elsewhere');
    },
  );
});
