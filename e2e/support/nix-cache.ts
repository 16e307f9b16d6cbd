import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Daemon } from './daemon.ts';
import { freePort } from './free-port.ts';
import { NixClient } from './nix-client.ts';
import { scratchFolder } from './scratch.ts';

/** Two paths that the client has built, of which one refers to the other. */
export interface Closure {
  readonly top: string;
  readonly dep: string;
  /** The derivation of `top`. */
  readonly drv: string;
}

/** A daemon that serves a binary cache, and the real client beside it. */
export class NixCache {
  readonly nix: NixClient;
  readonly port: number;
  readonly url: string;
  /** Files with a key pair of the client, `test.example-1`. */
  readonly secretKey: string;
  readonly publicKey: string;
  #daemon: Daemon | undefined;
  readonly #scratch = scratchFolder();

  private constructor(port: number) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.nix = new NixClient(this.folder);
    this.secretKey = join(this.folder, 'sk');
    this.publicKey = join(this.folder, 'pk');
  }

  static async start(...flags: readonly string[]): Promise<NixCache> {
    const cache = new NixCache(await freePort());
    await Promise.all([cache.#makeKeys(), cache.restart(...flags)]);
    return cache;
  }

  get folder(): string {
    return this.#scratch.path;
  }

  get daemon(): Daemon {
    return this.#daemon!;
  }

  /** Ends the daemon in good order, and starts it again on the same store with other flags. */
  async restart(...flags: readonly string[]): Promise<void> {
    await this.#daemon?.stop();
    this.#daemon = await Daemon.start([
      ...['--store', `local:${join(this.folder, 'store')}`],
      ...['-l', '127.0.0.1:0', '--http-listen', `127.0.0.1:${this.port}`],
      ...flags,
    ]);
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop('SIGKILL');
    this.#scratch.remove();
  }

  /** Options of the client that make it trust what its own key has signed. */
  get trusted(): string {
    return `--option trusted-public-keys ${readFileSync(this.publicKey, 'utf8').trim()}`;
  }

  /** Builds two paths and uploads them signed, the way a build server does. */
  async uploadClosure(): Promise<Closure> {
    const { nix, secretKey } = this;
    const top = await nix.build('top');
    const dep = await nix.build('dep');
    const drv = await nix.instantiate('top');
    await this.upload(
      top,
      `?secret-key=${secretKey}&write-nar-listing=1&index-debug-info=1&compression=zstd`,
    );
    return { top, dep, drv };
  }

  /** `nix copy --to` from the store that the client builds in. */
  async upload(path: string, query = ''): Promise<void> {
    const { nix, url } = this;
    await nix.text(
      `nix --store ${nix.source} copy --to '${url}${query}' ${path}`,
    );
  }

  /** What the daemon answers to a plain GET. */
  async file(path: string): Promise<string> {
    return (await fetch(`${this.url}/${path}`)).text();
  }

  narInfo(storePath: string): Promise<string> {
    return this.file(`${hashPart(storePath)}.narinfo`);
  }

  async #makeKeys(): Promise<void> {
    const { nix, secretKey, publicKey } = this;
    await nix.text(
      `nix key generate-secret --key-name test.example-1 > ${secretKey}
nix key convert-secret-to-public < ${secretKey} > ${publicKey}`,
    );
  }
}

/** The 32 characters that a store path is known by. */
export function hashPart(storePath: string): string {
  return basename(storePath).slice(0, 32);
}
