import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { output, runProgram } from './program.ts';
import type { Finished } from './program.ts';

/** The real Nix, with a store of its own below a folder. */
export class Nix {
  readonly #env: Record<string, string>;

  constructor(folder: string) {
    const root = join(folder, 'nix-root');
    mkdirSync(root, { recursive: true });
    this.#env = {
      NIX_REMOTE: `local?root=${root}`,
      HOME: folder,
      NIX_CONFIG: 'experimental-features = nix-command',
    };
  }

  /** `nix-store …` */
  store(args: readonly string[], input?: Uint8Array): Promise<Finished> {
    return runProgram('nix-store', args, {
      env: this.#env,
      ...(input && { input }),
    });
  }

  /** `nix …` of the newer command line */
  nix(args: readonly string[], input?: Uint8Array): Promise<Finished> {
    return runProgram('nix', args, { env: this.#env, ...(input && { input }) });
  }

  /** The NAR of a path. */
  dump(path: string): Promise<Buffer> {
    return output(this.store(['--dump', path]));
  }
}
