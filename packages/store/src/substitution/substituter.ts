import { tmpdir } from 'node:os';
import { encodeNixBase32 } from '@tvix/nar';
import type { CallOptions } from '@tvix/castore';
import type { NarInfo } from '@tvix/nar';
import { StoreError } from '../errors.ts';
import { SharedCalls } from '../nar/shared-calls.ts';
import type { PathInfo } from '../path-info/path-info.ts';
import type { Substitute } from '../path-info-service/nix-http.ts';
import type { PathInfoService } from '../path-info-service/path-info-service.ts';
import { ExpiringMap } from './expiring-map.ts';
import { NarSpool } from './nar-spool.ts';
import type { NarSpan } from './nar-spool.ts';
import type { Upstream } from './upstream.ts';

/** Settings of a {@link Substituter}. */
export interface SubstituterOptions {
  /** How long it is remembered that an upstream lacks a path. 60 s where left out. */
  readonly negativeTtlMs?: number;
  /** How long it is remembered what an upstream said of a path. 10 min where left out. */
  readonly positiveTtlMs?: number;
  /** Where NARs that are being fetched lie for those who follow them, in files without names. `os.tmpdir()` where left out. */
  readonly spoolFolder?: string;
  /** The time, in milliseconds. */
  readonly now?: () => number;
}

/** What asking for the NAR of a path came to. */
export type OpenedNar =
  /** The path is stored here by now. */
  | { readonly type: 'stored'; readonly pathInfo: PathInfo }
  /** It is coming in. The last byte comes when all of it was verified and stored; where it wasn't, reading throws. */
  | { readonly type: 'arriving'; readonly bytes: AsyncIterable<Uint8Array> };

/** An upstream, and what came of asking it. */
interface Source {
  readonly upstream: Upstream;
  /** The paths that it doesn't have. */
  readonly lacking: ExpiringMap<true>;
}

/** A path that an upstream has. */
interface Answer {
  readonly from: Source;
  readonly substitute: Substitute;
}

/** Absence weighs 1, as does each reference and signature of a narinfo: some 30 MB. */
const MAX_REMEMBERED_WEIGHT = 100_000;

/**
 * Fetches paths that a store lacks from other caches. Whatever is asked at the same time is asked once. An upstream that
 * fails counts as one that has nothing, since what is here doesn't depend on it; that isn't remembered as absence.
 */
export class Substituter {
  readonly #pathInfos: Pick<PathInfoService, 'get' | 'put'>;
  readonly #sources: readonly Source[];
  readonly #negativeTtlMs: number;
  readonly #positiveTtlMs: number;
  readonly #finding = new SharedCalls<Answer | undefined>();
  readonly #fetching = new SharedCalls<PathInfo | undefined>();
  readonly #spoolFolder: string;
  /** The NARs that are coming in. */
  readonly #spools = new Map<string, NarSpool>();
  /** What upstreams said of paths that aren't here. */
  readonly #known: ExpiringMap<Answer>;

  /** Paths are put into `pathInfos`; upstreams are asked in their order. */
  constructor(
    pathInfos: Pick<PathInfoService, 'get' | 'put'>,
    upstreams: readonly Upstream[],
    options: SubstituterOptions = {},
  ) {
    this.#pathInfos = pathInfos;
    this.#sources = upstreams.map((upstream) => ({
      upstream,
      lacking: new ExpiringMap(MAX_REMEMBERED_WEIGHT, options.now),
    }));
    this.#negativeTtlMs = options.negativeTtlMs ?? 60_000;
    this.#positiveTtlMs = options.positiveTtlMs ?? 600_000;
    this.#spoolFolder = options.spoolFolder ?? tmpdir();
    this.#known = new ExpiringMap(MAX_REMEMBERED_WEIGHT, options.now);
  }

  /** What an upstream says of a path, signatures checked; nothing is fetched. */
  async find(
    outputHash: Uint8Array,
    options?: CallOptions,
  ): Promise<NarInfo | undefined> {
    const answer = await this.#find(outputHash, options);
    return answer?.substitute.narInfo;
  }

  /** Fetches a path, and answers once it is verified and stored. */
  async fetch(
    outputHash: Uint8Array,
    options?: CallOptions,
  ): Promise<PathInfo | undefined> {
    const key = encodeNixBase32(outputHash);
    return this.#fetching.run(
      key,
      (signal) => this.#fetch(outputHash, key, signal),
      options?.signal,
    );
  }

  /**
   * Fetches a path, and answers as soon as the first bytes of its NAR are here; `undefined` where nobody has it. It is
   * fetched on while anybody reads, or waits for it with {@link fetch}.
   */
  async openNar(
    outputHash: Uint8Array,
    span: NarSpan,
    { signal }: CallOptions = {},
  ): Promise<OpenedNar | undefined> {
    const interest = new AbortController();
    const stored = this.fetch(outputHash, { signal: interest.signal });
    stored.catch(() => undefined);
    const spool = this.#spools.get(encodeNixBase32(outputHash));
    const release = spool?.hold();
    const leave = (): void => {
      release?.();
      signal?.removeEventListener('abort', leave);
      interest.abort(signal?.reason);
    };
    signal?.addEventListener('abort', leave, { once: true });
    try {
      if (await spool?.begun({ signal: interest.signal })) {
        const bytes = spool!.read(span, { signal: interest.signal });
        return { type: 'arriving', bytes: followed(bytes, stored, leave) };
      }
      const pathInfo = await stored;
      leave();
      return pathInfo && { type: 'stored', pathInfo };
    } catch (error) {
      leave();
      throw error;
    }
  }

  async #fetch(
    outputHash: Uint8Array,
    key: string,
    signal: AbortSignal,
  ): Promise<PathInfo | undefined> {
    const spool = new NarSpool(this.#spoolFolder);
    this.#spools.set(key, spool);
    try {
      // Whoever came right before may have fetched it.
      const here = await this.#pathInfos.get(outputHash, { signal });
      if (here !== undefined) return here;
      const stored = await this.#fetchInto(spool, outputHash, key, signal);
      if (stored !== undefined) spool.finish();
      return stored;
    } catch (error) {
      spool.fail(error);
      throw error;
    } finally {
      // Without effect where it has ended.
      spool.fail(notVerified(key));
      if (this.#spools.get(key) === spool) this.#spools.delete(key);
    }
  }

  /** Upstreams are asked in turn until one has a NAR that is right; readers follow the first. */
  async #fetchInto(
    spool: NarSpool,
    outputHash: Uint8Array,
    key: string,
    signal: AbortSignal,
  ): Promise<PathInfo | undefined> {
    const onBytes = (bytes: Uint8Array): Promise<void> => spool.write(bytes);
    let answer = await this.#find(outputHash, { signal });
    while (answer !== undefined) {
      const { from, substitute } = answer;
      const { found } = await from.upstream.ask(
        (cache) => cache.fetch(substitute, { signal, onBytes }),
        { signal },
      );
      if (found !== undefined) return this.#pathInfos.put(found, { signal });
      // What was said of it may be out of date, and so may what was read.
      this.#known.delete(key);
      spool.fail(notVerified(key));
      answer = await this.#ask(outputHash, key, signal, from);
    }
    return undefined;
  }

  async #find(
    outputHash: Uint8Array,
    options?: CallOptions,
  ): Promise<Answer | undefined> {
    const key = encodeNixBase32(outputHash);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    return this.#finding.run(
      key,
      (signal) => this.#ask(outputHash, key, signal),
      options?.signal,
    );
  }

  /** Asks the upstreams, or those behind one that failed. */
  async #ask(
    outputHash: Uint8Array,
    key: string,
    signal: AbortSignal,
    failed?: Source,
  ): Promise<Answer | undefined> {
    const first = failed === undefined ? 0 : this.#sources.indexOf(failed) + 1;
    for (const from of this.#sources.slice(first)) {
      if (from.lacking.get(key)) continue;
      const asked = await from.upstream.ask(
        (cache) => cache.find(outputHash, { signal }),
        { signal },
      );
      if (asked.found === undefined) {
        if (asked.isCertain) from.lacking.set(key, true, this.#negativeTtlMs);
        continue;
      }
      const answer = { from, substitute: asked.found };
      this.#known.set(key, answer, this.#positiveTtlMs, weightOf(asked.found));
      return answer;
    }
    return undefined;
  }
}

/**
 * Bytes whose reader leaves when they end. Where the disk had no room for them, it is broken off once the path is stored:
 * whoever asks again for the rest gets it from there.
 */
async function* followed(
  bytes: AsyncIterable<Uint8Array>,
  stored: Promise<unknown>,
  leave: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* bytes;
  } catch (error) {
    await stored.catch(() => undefined);
    throw error;
  } finally {
    leave();
  }
}

function weightOf({ narInfo }: Substitute): number {
  return 1 + narInfo.references.length + narInfo.signatures.length;
}

function notVerified(hash: string): StoreError {
  return new StoreError(
    'store/upstream-corrupt',
    `the NAR of ${hash} could not be fetched whole, or is not what its narinfo says`,
    { details: { hash } },
  );
}
