import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith } from '../../support/machine.ts';
import { NixCache } from '../../support/nix-cache.ts';
import { makeShapes } from '../../support/trees.ts';

const COMPRESSIONS = 'none xz zstd bzip2 gzip br lz4 lzip'.split(' ');
/** With these, large files take the client or us many seconds. */
const SLOW = ['br', 'lzip', 'xz', 'bzip2'];
/** The client can do these with several threads. */
const PARALLEL = ['xz', 'zstd'];

describeWith(['nix', 'root'], 'what the real Nix client uploads', () => {
  let cache: NixCache;
  beforeAll(async () => {
    cache = await NixCache.start();
  });
  afterAll(() => cache.stop());

  for (const compression of COMPRESSIONS) {
    it(`compressed as ${compression} comes back as it was`, async () => {
      const { nix, url } = cache;
      const folder = join(cache.folder, `tree-${compression}`);
      makeShapes(folder);
      if (SLOW.includes(compression))
        rmSync(join(folder, 'large-files'), { recursive: true });
      const path = await nix.add(folder);
      const parallel = PARALLEL.includes(compression)
        ? '&parallel-compression=1'
        : '';
      await cache.upload(
        path,
        `?compression=${compression}&compression-level=1${parallel}`,
      );
      const same = await nix.text(
        `nix-store --dump ${folder} > ${folder}.nar; nix store dump-path --store ${url} ${path} | cmp - ${folder}.nar`,
      );
      expect(same).toBe('');
    });
  }

  it('is found under its old name by the client that remembers it', async () => {
    const { nix, url } = cache;
    const folder = join(cache.folder, 'remembered');
    mkdirSync(folder);
    // One process after the other, with nothing forgotten between them.
    const scripts: string[] = [];
    for (const compression of COMPRESSIONS) {
      writeFileSync(join(folder, 'file'), compression.repeat(1000));
      const path = await nix.add(folder);
      const into = nix.emptyStore(`remembered-${compression}`);
      scripts.push(
        `nix --store ${nix.source} copy --to '${url}?compression=${compression}' ${path}`,
        `nix --store ${into} copy --no-check-sigs --from ${url} ${path}`,
        `grep -q '^${compression}' ${into}${path}/file`,
      );
    }
    const { code, stderr } = await nix.run(scripts.join('\n'));
    expect([code, code === 0 ? '' : stderr]).toStrictEqual([0, '']);
  });
});
