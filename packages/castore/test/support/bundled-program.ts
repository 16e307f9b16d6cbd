import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const packages = fileURLToPath(new URL('../../..', import.meta.url));

/** A program of tests in one file that Node can run: a child can't load TypeScript on Node 20. */
export class BundledProgram implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'program-'));
  readonly file: string;

  constructor(source: URL) {
    const path = fileURLToPath(source);
    this.file = join(this.#directory, `${basename(path, '.ts')}.mjs`);
    // Native modules and WebAssembly are found through a link.
    symlinkSync(
      join(packages, '../node_modules'),
      join(this.#directory, 'node_modules'),
    );
    buildSync({
      entryPoints: [path],
      outfile: this.file,
      bundle: true,
      packages: 'external',
      // Ours aren't built where tests run.
      alias: {
        '@tvix/castore/proto': join(packages, 'castore/src/proto/index.ts'),
        '@tvix/castore': join(packages, 'castore/src/index.ts'),
        '@tvix/nar': join(packages, 'nar/src/index.ts'),
      },
      platform: 'node',
      format: 'esm',
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true });
  }
}
