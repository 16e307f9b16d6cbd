import { CastoreError } from '@tvix/castore';
import type { CallOptions } from '@tvix/castore';
import type { NixHttpPathInfoService } from '../path-info-service/nix-http.ts';

/** A cache that paths are fetched from. */
export type UpstreamCache = Pick<NixHttpPathInfoService, 'find' | 'fetch'>;

/** Settings of an {@link Upstream}. */
export interface UpstreamOptions {
  /** How long a cache that couldn't be reached isn't asked. 30 s where left out. */
  readonly backOffMs?: number;
  /** The time, in milliseconds. */
  readonly now?: () => number;
  /** Told of each failure. */
  readonly onFailure?: (error: unknown) => void;
}

/** What asking a cache came to. */
export type Asked<T> =
  /** The answer: `undefined` for absence. */
  | { readonly isCertain: true; readonly found: T | undefined }
  /** It failed, or isn't asked for now. */
  | { readonly isCertain: false; readonly found?: undefined };

/**
 * Asks one cache, and stops asking for a while when it can't be reached: a dead one costs one time-out, not one a
 * request. Its failures are told to the log and are nobody's trouble else.
 */
export class Upstream {
  readonly #cache: UpstreamCache;
  readonly #options: UpstreamOptions;
  #deadUntil = 0;

  constructor(cache: UpstreamCache, options: UpstreamOptions = {}) {
    this.#cache = cache;
    this.#options = options;
  }

  /** Asks, unless it is given up for now. Throws for an abort, and where the store that it is fetched into fails. */
  async ask<T>(
    question: (cache: UpstreamCache) => Promise<T | undefined>,
    { signal }: CallOptions = {},
  ): Promise<Asked<T>> {
    const { now = Date.now, backOffMs = 30_000, onFailure } = this.#options;
    if (this.#deadUntil > now()) return { isCertain: false };
    try {
      return { isCertain: true, found: await question(this.#cache) };
    } catch (error) {
      signal?.throwIfAborted();
      if (isOfOurStore(error)) throw error;
      if (isUnavailable(error)) this.#deadUntil = now() + backOffMs;
      onFailure?.(error);
      return { isCertain: false };
    }
  }
}

function isUnavailable(error: unknown): boolean {
  return kindOf(error) === 'unavailable';
}

/** Whether it wasn't the cache that failed. What castore calls invalid came from there. */
function isOfOurStore(error: unknown): boolean {
  return error instanceof CastoreError && error.kind !== 'invalid';
}

function kindOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'kind' in error
    ? error.kind
    : undefined;
}
