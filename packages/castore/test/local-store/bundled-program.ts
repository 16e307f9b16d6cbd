import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));

/** A program of these tests in one file that Node can run: a child can't load TypeScript on Node 20. */
export class BundledProgram implements Disposable {
  readonly #directory = fs.mkdtempSync(path.join(os.tmpdir(), 'program-'));
  readonly file: string;

  /** Bundles a file of this folder. */
  constructor(source: string) {
    this.file = path.join(
      this.#directory,
      `${path.basename(source, '.ts')}.mjs`,
    );
    // Native modules and WebAssembly are found through a link.
    fs.symlinkSync(
      path.join(here, '../../../../node_modules'),
      path.join(this.#directory, 'node_modules'),
    );
    buildSync({
      entryPoints: [path.join(here, source)],
      outfile: this.file,
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
    });
  }

  [Symbol.dispose](): void {
    fs.rmSync(this.#directory, { recursive: true });
  }
}
