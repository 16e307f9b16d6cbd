import { compareBytes } from '@tvix/castore';
import type { CallOptions, Node } from '@tvix/castore';
import { encodeNixBase32, fingerprint, PublicKey } from '@tvix/nar';
import type { ParsedNarInfo } from '@tvix/nar';
import { readNarInfo } from '../binary-cache/narinfo-text.ts';
import { readAll } from '../binary-cache/read-all.ts';
import { isCompression } from '../compression/compression.ts';
import { StoreError } from '../errors.ts';
import { ingestArchive } from '../nar/ingest.ts';
import type { TreeStorage } from '../nar/tree-storage.ts';
import { pathInfoFromNarInfo } from '../path-info/narinfo.ts';
import { assertOutputHash } from '../path-info/output-hash.ts';
import type { PathInfo } from '../path-info/path-info.ts';
import { unpack } from '../unpacking/unpack.ts';
import type { Unpacker } from '../unpacking/unpack.ts';
import { HttpFetcher } from './http-fetcher.ts';
import type { HttpFetcherOptions } from './http-fetcher.ts';
import { withoutLogin } from './without-login.ts';
import type {
  PathInfoCapabilities,
  PathInfoService,
} from './path-info-service.ts';

/** Settings of a {@link NixHttpPathInfoService}. */
export interface NixHttpOptions extends HttpFetcherOptions {
  /**
   * The keys of which one has to have signed a path; an empty list trusts nobody. Where left out, signatures aren't
   * looked at: whoever answers at that address is believed.
   */
  readonly trustedKeys?: readonly PublicKey[];
  /** Whether a narinfo may name a file that isn't below the cache's address. It may not where left out. */
  readonly followsForeignUrls?: boolean;
  /** Bytes of a NAR. 64 GiB where left out. */
  readonly maxNarBytes?: number;
  /** Unpacks what is fetched; in the calling thread where left out. */
  readonly unpacker?: Unpacker;
}

/** A path that a cache has, not fetched yet. */
export interface Substitute {
  readonly narInfo: ParsedNarInfo;
  /** Where its file is. */
  readonly url: URL;
}

/** Options of {@link NixHttpPathInfoService.fetch}. */
export interface FetchOptions extends CallOptions {
  /** Told of the NAR's bytes as they come in, before anybody knows whether they are right. They are waited for. */
  readonly onBytes?: (bytes: Uint8Array) => Promise<void>;
}

const MAX_NARINFO_BYTES = 4 * 1024 * 1024;
const DEFAULT_MAX_NAR_BYTES = 64 * 1024 ** 3;
const MAX_RATIO = 2000;

/**
 * Path infos substituted from any Nix binary cache: `get` fetches the NAR into castore, and answers once all of it was
 * verified. Each call fetches anew: keep what it answers. It stores no path infos and lists none.
 */
export class NixHttpPathInfoService implements PathInfoService {
  readonly capabilities: PathInfoCapabilities = {
    put: false,
    list: false,
    delete: false,
  };
  readonly #base: URL;
  readonly #storage: TreeStorage;
  readonly #options: NixHttpOptions;
  readonly #fetcher: HttpFetcher;

  /** All that is asked for lies below `base`, whose path may or may not end in a slash. */
  constructor(base: URL, storage: TreeStorage, options: NixHttpOptions = {}) {
    this.#base = new URL(base);
    if (!this.#base.pathname.endsWith('/')) this.#base.pathname += '/';
    this.#storage = storage;
    this.#options = options;
    this.#fetcher = new HttpFetcher(options);
  }

  /**
   * Reads an address `nix+http(s)://host/prefix?trusted-public-keys=…`; keys are separated by white space, and a `+` in
   * one is written `%2B`.
   *
   * @throws StoreError `store/invalid-upstream`
   */
  static fromAddress(
    address: string,
    storage: TreeStorage,
    options: NixHttpOptions = {},
  ): NixHttpPathInfoService {
    const [, text = ''] = /^nix\+(https?:\/\/.+)$/.exec(address) ?? [];
    let base: URL;
    let trustedKeys: readonly PublicKey[] | undefined;
    try {
      base = new URL(text);
      trustedKeys = base.searchParams
        .getAll('trusted-public-keys')
        .at(-1)
        ?.split(/\s+/)
        .filter((key) => key !== '')
        .map((key) => PublicKey.parse(key));
    } catch (cause) {
      const shown = withoutLogin(address);
      throw new StoreError(
        'store/invalid-upstream',
        `not the address of a binary cache: ${JSON.stringify(shown)}`,
        { cause, details: { address: shown } },
      );
    }
    base.search = '';
    return new NixHttpPathInfoService(base, storage, {
      ...options,
      ...(trustedKeys && { trustedKeys }),
    });
  }

  async get(
    outputHash: Uint8Array,
    options?: CallOptions,
  ): Promise<PathInfo | undefined> {
    const substitute = await this.find(outputHash, options);
    return substitute && this.fetch(substitute, options);
  }

  /** Always fails: a substituter is only read. */
  put(): Promise<PathInfo> {
    return Promise.reject(unsupported('stored in'));
  }

  // eslint-disable-next-line require-yield
  async *list(): AsyncGenerator<PathInfo> {
    throw unsupported('listed from');
  }

  /** Always fails, as `put` does. */
  delete(): Promise<void> {
    return Promise.reject(unsupported('deleted from'));
  }

  /**
   * What the cache says of a path, held against the hash that was asked for and the trusted keys; `undefined` where it
   * has none (404, 403, 410).
   *
   * @throws StoreError `store/upstream-refused`, `store/upstream-unavailable`, `store/upstream-corrupt`,
   *   `store/untrusted`
   */
  async find(
    outputHash: Uint8Array,
    options?: CallOptions,
  ): Promise<Substitute | undefined> {
    assertOutputHash(outputHash);
    const hash = encodeNixBase32(outputHash);
    const url = new URL(`${hash}.narinfo`, this.#base);
    const body = await this.#fetcher.open(url, options);
    if (body === undefined) return undefined;
    let narInfo: ParsedNarInfo;
    try {
      narInfo = readNarInfo(await readAll(body, MAX_NARINFO_BYTES));
    } catch (cause) {
      throw corrupt(url, 'its narinfo is malformed', cause);
    }
    if (compareBytes(narInfo.storePath.digest, outputHash) !== 0)
      throw corrupt(url, `it is of ${narInfo.storePath.toString()}`);
    await this.#assertSigned(narInfo);
    return { narInfo, url: this.#fileUrl(narInfo.url, url) };
  }

  /**
   * Fetches the NAR of a path into castore and answers with the path info once size and hash are what the narinfo says.
   *
   * @throws StoreError `store/unsupported-compression`, and as {@link find}
   */
  async fetch(
    { narInfo, url }: Substitute,
    options: FetchOptions = {},
  ): Promise<PathInfo> {
    const { compression } = narInfo;
    if (!isCompression(compression)) {
      throw new StoreError(
        'store/unsupported-compression',
        `${withoutLogin(url.href)}: unknown compression ${JSON.stringify(compression)}`,
        { details: { compression } },
      );
    }
    const limit = this.#options.maxNarBytes ?? DEFAULT_MAX_NAR_BYTES;
    if (narInfo.narSize > BigInt(limit))
      throw corrupt(url, `the NAR has ${narInfo.narSize} bytes, over ${limit}`);
    const file = await this.#fetcher.open(url, options);
    if (file === undefined) throw corrupt(url, 'the NAR is missing');
    const { unpacker = { unpack } } = this.#options;
    const unpacking = unpacker.unpack(file, {
      compression,
      // One byte more than it says is seen without reading on.
      limits: { maxBytes: Number(narInfo.narSize), maxRatio: MAX_RATIO },
    });
    const { onBytes } = options;
    const { nar } = unpacking;
    const told = onBytes === undefined ? nar : telling(nar, onBytes);
    const node = await this.#ingest(told, url, options);
    const { narSha256, narSize } = unpacking.outcome();
    if (narSize !== narInfo.narSize) {
      throw corrupt(
        url,
        `the NAR has ${narSize} bytes, its narinfo says ${narInfo.narSize}`,
      );
    }
    if (compareBytes(narSha256, narInfo.narSha256) !== 0)
      throw corrupt(url, 'the NAR has another hash than its narinfo says');
    return pathInfoFromNarInfo(narInfo, node);
  }

  async #ingest(
    nar: AsyncIterable<Uint8Array>,
    url: URL,
    options?: CallOptions,
  ): Promise<Node> {
    try {
      return await ingestArchive(nar, this.#storage, options);
    } catch (error) {
      if (!isAboutBytes(error)) throw error;
      throw corrupt(url, error.message, error);
    }
  }

  async #assertSigned(narInfo: ParsedNarInfo): Promise<void> {
    const { trustedKeys } = this.#options;
    if (trustedKeys === undefined) return;
    const text = fingerprint(narInfo);
    for (const key of trustedKeys)
      for (const signature of narInfo.signatures)
        if (await key.verify(text, signature)) return;
    throw new StoreError(
      'store/untrusted',
      `${withoutLogin(this.#base.href)}: no signature of ${narInfo.storePath.toString()} is by a trusted key`,
      { details: { storePath: narInfo.storePath } },
    );
  }

  /** Signatures don't cover where a file lies: one below the cache's own address is fetched, and nothing else. */
  #fileUrl(text: string, narInfoUrl: URL): URL {
    let url: URL;
    try {
      url = new URL(text, this.#base);
    } catch (cause) {
      throw corrupt(narInfoUrl, 'the URL of its file is malformed', cause);
    }
    const staysHere =
      url.origin === this.#base.origin &&
      url.pathname.startsWith(this.#base.pathname);
    if (!staysHere && this.#options.followsForeignUrls !== true)
      throw corrupt(
        narInfoUrl,
        `its file lies elsewhere: ${withoutLogin(url.href)}`,
      );
    return url;
  }
}

async function* telling(
  source: AsyncIterable<Uint8Array>,
  onBytes: (bytes: Uint8Array) => Promise<void>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of source) {
    await onBytes(piece);
    yield piece;
  }
}

function isAboutBytes(error: unknown): error is Error {
  const code =
    typeof error === 'object' && error !== null && 'code' in error
      ? String(error.code)
      : '';
  return (
    code.startsWith('nar/') ||
    code === 'store/corrupt-compression' ||
    code === 'store/limit-exceeded'
  );
}

function corrupt(url: URL, what: string, cause?: unknown): StoreError {
  const shown = withoutLogin(url.href);
  return new StoreError('store/upstream-corrupt', `${shown}: ${what}`, {
    cause,
    details: { url: shown },
  });
}

function unsupported(what: string): StoreError {
  return new StoreError(
    'store/unsupported',
    `path infos can't be ${what} a binary cache that is only read`,
  );
}
