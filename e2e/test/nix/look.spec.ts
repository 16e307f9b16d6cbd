import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describeWith } from '../../support/machine.ts';
import { hashPart, NixCache } from '../../support/nix-cache.ts';
import type { Closure } from '../../support/nix-cache.ts';

/** What `nix store verify` ends with, added up. */
const CORRUPT = 1;
const UNTRUSTED = 2;

describeWith(['nix', 'root'], 'the real Nix client looks', () => {
  let cache: NixCache;
  let closure: Closure;

  beforeAll(async () => {
    cache = await NixCache.start();
    closure = await cache.uploadClosure();
  });
  afterAll(() => cache.stop());

  it('at the cache itself', async () => {
    const { nix, url } = cache;
    expect((await nix.run(`nix store ping --store ${url}`)).code).toBe(0);
  });

  it('at path infos', async () => {
    const { nix, url } = cache;
    const json = JSON.parse(
      await nix.text(
        `nix path-info --store ${url} --json -r -S -s ${closure.top}`,
      ),
    ) as { path: string; closureSize: number; narSize: number }[];
    const [dep, top] = [closure.dep, closure.top].map((path) =>
      json.find((info) => info.path === path)!,
    );
    expect(json.length).toBe(2);
    expect(top!.closureSize).toBe(top!.narSize + dep!.narSize);
  });

  it('at why a path depends on another', async () => {
    const { nix, url } = cache;
    const { top, dep } = closure;
    expect(
      await nix.text(`nix why-depends --store ${url} ${top} ${dep}`),
    ).toContain(basename(dep));
  });

  it('at the files of a path', async () => {
    const { nix, url } = cache;
    const { top } = closure;
    expect(
      await nix.text(`nix store ls --store ${url} -R -l ${top}`),
    ).toContain('./bin/top');
    const theirs = JSON.parse(
      await nix.text(`nix store ls --store ${url} --json -R ${top}`),
    ) as unknown;
    const { root } = JSON.parse(await cache.file(`${hashPart(top)}.ls`)) as {
      root: unknown;
    };
    expect(root).toStrictEqual(theirs);
  });

  it('into files, and keeps the NAR where it is told to', async () => {
    const { nix, url } = cache;
    const { top, dep } = closure;
    expect(
      await nix.text(`nix store cat --store ${url} ${top}/bin/top`),
    ).toContain(`cat ${dep}/share/greeting`);
    const kept = join(cache.folder, 'nar-cache');
    mkdirSync(kept);
    expect(
      await nix.text(
        `nix store cat --store '${url}?local-nar-cache=${kept}' ${dep}/share/greeting`,
      ),
    ).toBe('hello');
    expect(readdirSync(kept).sort().join(' ')).toMatch(/\.ls .*\.nar/);
  });

  it('whether contents and signatures are right', async () => {
    const { nix, url, trusted } = cache;
    const { top } = closure;
    const verify = async (options: string): Promise<number | null> =>
      (await nix.run(`nix store verify --store ${url} -r ${options} ${top}`))
        .code;
    expect(await verify(trusted)).toBe(0);
    expect(await verify('')).toBe(UNTRUSTED);
    expect(await verify('--no-contents')).toBe(UNTRUSTED);
    expect(await verify('--no-trust')).toBe(0);
  });

  it('whether its own store is right, and mends it from here', async () => {
    const { nix, url, trusted } = cache;
    const { top, dep } = closure;
    const into = nix.emptyStore('verified');
    await nix.text(
      `nix --store ${into} copy --no-check-sigs --from ${url} ${top}`,
    );
    const verify = async (): Promise<number | null> =>
      (
        await nix.run(
          `nix store verify --store ${into} -r -s ${url} ${trusted} ${top}`,
        )
      ).code;
    expect(await verify()).toBe(0);
    const greeting = join(into, dep, 'share/greeting');
    chmodSync(greeting, 0o644);
    writeFileSync(greeting, 'hullo\n');
    chmodSync(greeting, 0o444);
    expect(await verify()).toBe(CORRUPT);
    await nix.text(
      `nix store repair --store ${into} --option substituters ${url} ${trusted} ${dep}`,
    );
    expect(await verify()).toBe(0);
  });
});
