import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describeWith } from '../../support/machine.ts';
import { hashPart, NixCache } from '../../support/nix-cache.ts';
import type { Closure } from '../../support/nix-cache.ts';

const BUILD_ID = 'ab'.padEnd(40, '1');

describeWith(['nix', 'root'], 'the real Nix client uploads', () => {
  let cache: NixCache;
  let closure: Closure;
  let tree: string;

  beforeAll(async () => {
    cache = await NixCache.start();
    closure = await cache.uploadClosure();
    tree = join(cache.folder, 'tree');
    mkdirSync(join(tree, 'sub'), { recursive: true });
    writeFileSync(join(tree, 'sub/file'), 'hello');
  });
  afterAll(() => cache.stop());

  it('a closure with its references and signatures', async () => {
    const info = await cache.narInfo(closure.top);
    expect(info).toContain(`StorePath: ${closure.top}`);
    expect(info).toContain(basename(closure.dep));
    expect(info).toContain('Sig: test.example-1:');
  });

  it('where debug information lies', async () => {
    const { nix, url } = cache;
    const folder = join(cache.folder, 'debug');
    const buildIds = join(folder, 'lib/debug/.build-id', BUILD_ID.slice(0, 2));
    mkdirSync(buildIds, { recursive: true });
    writeFileSync(join(buildIds, `${BUILD_ID.slice(2)}.debug`), 'symbols');
    const path = await nix.add(folder);
    await cache.upload(path, '?index-debug-info=1&write-nar-listing=1');
    const { archive, member } = JSON.parse(
      await cache.file(`debuginfo/${BUILD_ID}.debug`),
    ) as { archive: string; member: string };
    const nar = new URL(archive, `${url}/debuginfo/`);
    expect((await fetch(nar)).status).toBe(200);
    expect(
      await nix.text(`nix store cat --store ${url} ${path}/${member}`),
    ).toBe('symbols');
  });

  it('files, trees and texts straight into the cache', async () => {
    const { nix, url } = cache;
    const file = join(tree, 'sub/file');
    const added = [
      await nix.text(`nix store add-path ${tree} --name added --store ${url}`),
      await nix.text(`nix store add-file ${file} --name n --store ${url}`),
      await nix.add(tree, url),
    ];
    for (const path of added) expect(await cache.narInfo(path)).toContain(path);
    const text = await nix.text(
      `nix eval --store ${url} --impure --raw --expr 'builtins.toFile "x.txt" "hello"'`,
    );
    expect(await cache.file(`serve/${hashPart(text)}/`)).toBe('hello');
    const drv = await nix.instantiate('dep', url);
    expect(await cache.narInfo(drv)).toContain('CA: text:sha256:');
  });

  it('under the names that it gives in a store of its own', async () => {
    const { nix, url } = cache;
    for (const add of ['add-path', 'add-file']) {
      const what = add === 'add-path' ? tree : join(tree, 'sub/file');
      const path = await nix.text(
        `nix store ${add} ${what} --name named --store ${nix.source}`,
      );
      await cache.upload(path);
      const dump = `nix store dump-path ${path} --store`;
      const nar = join(cache.folder, 'named.nar');
      const same = `${dump} ${nix.source} > ${nar}; ${dump} ${url} | cmp - ${nar}`;
      expect(await nix.text(same)).toBe('');
    }
  });

  it('more signatures', async () => {
    const other = join(cache.folder, 'sk2');
    await cache.nix.text(
      `nix key generate-secret --key-name second-1 > ${other}
nix store sign --store ${cache.url} -k ${other} ${closure.dep}`,
    );
    const info = await cache.narInfo(closure.dep);
    expect(info).toContain('Sig: second-1:');
    expect(info).toContain('Sig: test.example-1:');
  });

  it('signatures of another cache', async () => {
    const { nix, url, secretKey } = cache;
    const path = await nix.add(tree);
    const other = await NixCache.start();
    try {
      await nix.text(
        `nix --store ${nix.source} copy --to '${other.url}?secret-key=${secretKey}' ${path}`,
      );
      await cache.upload(path);
      expect(await cache.narInfo(path)).not.toContain('Sig:');
      await nix.text(
        `nix store copy-sigs --store ${url} -s ${other.url} ${path}`,
      );
      expect(await cache.narInfo(path)).toContain('Sig: test.example-1:');
    } finally {
      await other.stop();
    }
  });

  it('the log of a build, and reads it', async () => {
    const { nix, url } = cache;
    await nix.text(
      `nix --store ${nix.source} store copy-log --to ${url} ${closure.drv}`,
    );
    for (const read of ['nix log --store', 'nix-store -l --store'])
      expect(await nix.text(`${read} ${url} ${closure.top}`)).toContain(
        'built top',
      );
  });

  it('what content-addressed derivations became, and builds nothing again', async () => {
    const { nix, url } = cache;
    const path = await nix.buildCa(nix.source);
    await nix.text(`nix --store ${nix.source} copy --to ${url} -f ${nix.ca}`);
    const again = await nix.buildCa(
      nix.emptyStore('ca'),
      `--option substituters ${url} --option require-sigs false --max-jobs 0`,
    );
    expect(again).toBe(path);
  });

  it('what is all there again after the daemon was restarted', async () => {
    const { nix, url } = cache;
    const put = (path: string, body: string) =>
      fetch(`${url}/${path}`, { method: 'PUT', body });
    // As clients from Nix 2.35 on say what content-addressed derivations became.
    const drvPath = `${'6'.repeat(32)}-x.drv`;
    const trace = `build-trace-v2/${drvPath}/out.doi`;
    const value = { outPath: basename(closure.dep), signatures: [] };
    const doi = { key: { drvPath, outputName: 'out' }, value };
    expect((await put(trace, JSON.stringify(doi))).status).toBe(200);

    const url1 = /^URL: (.*)$/m.exec(await cache.narInfo(closure.top))![1]!;
    const floating = await nix.buildCa(nix.source);
    const files = [
      url1,
      trace,
      `debuginfo/${BUILD_ID}.debug`,
      `log/${basename(closure.drv)}`,
      `${hashPart(closure.top)}.narinfo`,
      `${hashPart(closure.top)}.ls`,
    ];
    const before = await Promise.all(files.map((file) => cache.file(file)));
    await cache.restart();
    const after = await Promise.all(files.map((file) => cache.file(file)));
    expect(after).toStrictEqual(before);
    expect(after.join(' ')).not.toContain('no such');
    const again = await nix.buildCa(
      nix.emptyStore('ca-again'),
      `--option substituters ${url} --option require-sigs false --max-jobs 0`,
    );
    expect(again).toBe(floating);
  });

  it('nothing from a store whose paths lie elsewhere', async () => {
    const own = join(cache.folder, 'elsewhere');
    const { code, stderr } = await cache.nix.run(
      `path=$(nix-store --add ${tree}); nix copy --to ${cache.url} $path`,
      {
        NIX_STORE_DIR: `${own}/store`,
        NIX_STATE_DIR: `${own}/var/nix`,
        NIX_LOG_DIR: `${own}/var/log/nix`,
        NIX_LOCALSTATE_DIR: `${own}/var`,
      },
    );
    expect(code).not.toBe(0);
    expect(stderr).toContain(`prefix '/nix/store'`);
  });
});
