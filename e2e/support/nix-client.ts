import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { line, runProgram } from './program.ts';
import type { Finished } from './program.ts';

/** What the builds of the tests may see of this machine. */
const SANDBOX = `--option sandbox-paths '/bin /usr /lib /lib64' --option build-users-group ''`;

/** Derivations that need nothing but a shell: two that depend on each other, with what a closure can have. */
const DEPS = `let
  mk = name: script: extra: derivation ({
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-c" script ];
    PATH = "/usr/bin:/bin";
  } // extra);
in rec {
  dep = mk "dep" "mkdir -p $out/share; echo hello > $out/share/greeting; echo built dep" { };
  top = mk "top" "mkdir -p $out/bin; ln -s \${dep} $out/dep; printf '#!/bin/sh\\ncat \${dep}/share/greeting\\n' > $out/bin/top; chmod +x $out/bin/top; echo built top" { };
}
`;

const CA = `derivation {
  name = "floating";
  system = builtins.currentSystem;
  builder = "/bin/sh";
  args = [ "-c" "mkdir $out; echo content-addressed > $out/file" ];
  PATH = "/usr/bin:/bin";
  __contentAddressed = true;
  outputHashMode = "recursive";
  outputHashAlgo = "sha256";
}
`;

/** The real Nix client with a home and stores of its own, away from any network. */
export class NixClient {
  readonly folder: string;
  /** A store that things are built in. */
  readonly source: string;
  readonly deps: string;
  readonly ca: string;
  readonly #env: Record<string, string>;

  constructor(folder: string) {
    this.folder = folder;
    this.source = join(folder, 'source');
    this.deps = join(folder, 'deps.nix');
    this.ca = join(folder, 'ca.nix');
    mkdirSync(join(folder, 'home'), { recursive: true });
    writeFileSync(this.deps, DEPS);
    writeFileSync(this.ca, CA);
    this.#env = {
      HOME: join(folder, 'home'),
      NIX_REMOTE: '',
      NIX_CONFIG:
        'experimental-features = nix-command ca-derivations fetch-closure\nsubstituters =\n',
    };
  }

  /** Runs commands of a shell to their end, whatever comes of it. What the client knew of caches is forgotten before. */
  run(script: string, env: Record<string, string> = {}): Promise<Finished> {
    this.#forget();
    return runProgram('sh', ['-ec', script], { env: { ...this.#env, ...env } });
  }

  /** Runs commands that have to succeed, and answers what they printed. */
  text(script: string, env: Record<string, string> = {}): Promise<string> {
    return line(this.run(script, env));
  }

  /** Builds an attribute of `deps.nix` in a store and answers its path. */
  build(attribute: string, store = this.source): Promise<string> {
    return this.text(
      `nix-build --store ${store} ${this.deps} -A ${attribute} --no-out-link ${SANDBOX}`,
    );
  }

  /** The derivation of an attribute of `deps.nix`. */
  instantiate(attribute: string, store = this.source): Promise<string> {
    return this.text(
      `nix-instantiate --store ${store} ${this.deps} -A ${attribute}`,
    );
  }

  /** Builds `ca.nix`, with what caches know of it. */
  buildCa(store: string, options = ''): Promise<string> {
    return this.text(
      `nix-build --store ${store} ${this.ca} --no-out-link ${SANDBOX} ${options}`,
    );
  }

  /** Adds a file or a folder to a store and answers its path. */
  add(path: string, store = this.source): Promise<string> {
    return this.text(`nix-store --store ${store} --add ${path}`);
  }

  /** A store that nothing is in yet. */
  emptyStore(name: string): string {
    const path = join(this.folder, 'stores', name);
    rmSync(path, { recursive: true, force: true });
    return path;
  }

  #forget(): void {
    const cache = join(this.folder, 'home/.cache/nix');
    try {
      for (const name of readdirSync(cache))
        if (name.startsWith('binary-cache-'))
          rmSync(join(cache, name), { force: true });
    } catch {
      // Nothing is remembered yet.
    }
  }
}
