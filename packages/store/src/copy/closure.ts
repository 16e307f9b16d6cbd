import type { CallOptions } from '@tvix/castore';
import { encodeNixBase32 } from '@tvix/nar';
import { StoreError } from '../errors.ts';
import { assertOutputHash, outputHashKey } from '../path-info/output-hash.ts';
import type { PathInfo } from '../path-info/path-info.ts';
import type { PathInfoService } from '../path-info-service/path-info-service.ts';

/**
 * Everything that the roots refer to, directly or not, and the roots themselves: each path info once, what a path
 * refers to before the path. (References to itself don't count; other circles, which Nix doesn't make, are cut open
 * anywhere.) Roots are output hashes of 20 bytes.
 *
 * @throws StoreError `store/path-not-found` for a root or a reference that isn't there
 */
export async function* closureOf(
  roots: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  pathInfos: Pick<PathInfoService, 'get'>,
  options?: CallOptions,
): AsyncGenerator<PathInfo> {
  const walk = new ClosureWalk(pathInfos, options);
  for await (const root of roots) {
    assertOutputHash(root);
    yield* walk.from(root);
  }
}

/**
 * The path infos of those output hashes alone, in their order.
 *
 * @throws StoreError `store/path-not-found`
 */
export async function* pathInfosOf(
  outputHashes: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  pathInfos: Pick<PathInfoService, 'get'>,
  options?: CallOptions,
): AsyncGenerator<PathInfo> {
  for await (const outputHash of outputHashes) {
    const pathInfo = await pathInfos.get(outputHash, options);
    if (pathInfo === undefined) throw notFound(outputHash);
    yield pathInfo;
  }
}

/** A path on the way down, which of its references comes next, and up to which they were looked up ahead. */
interface Step {
  readonly pathInfo: PathInfo;
  next: number;
  ahead: number;
}

/** So many path infos are looked up at a time: a path may have a hundred thousand references. */
const MAX_LOOKUPS = 64;

class ClosureWalk {
  readonly #pathInfos: Pick<PathInfoService, 'get'>;
  readonly #options: CallOptions | undefined;
  readonly #entered = new Set<string>();
  /** What is being looked up ahead of time, so that a store far away doesn't cost a round trip for each path. */
  readonly #lookups = new Map<string, Promise<PathInfo | undefined>>();

  constructor(
    pathInfos: Pick<PathInfoService, 'get'>,
    options: CallOptions | undefined,
  ) {
    this.#pathInfos = pathInfos;
    this.#options = options;
  }

  async *from(root: Uint8Array): AsyncGenerator<PathInfo> {
    // An explicit stack: a chain of references may be longer than any call stack.
    const way: Step[] = [];
    let next: Step | undefined = await this.#enter(root);
    while (next !== undefined || way.length > 0) {
      if (next !== undefined) way.push(next);
      const step: Step = way.at(-1)!;
      this.#lookAhead(step);
      const { pathInfo } = step;
      const reference = pathInfo.references[step.next++];
      if (reference === undefined) {
        way.pop();
        yield pathInfo;
        next = undefined;
      } else {
        next = await this.#enter(reference, pathInfo);
      }
    }
  }

  /** The path, where it is met for the first time. */
  async #enter(
    outputHash: Uint8Array,
    referrer?: PathInfo,
  ): Promise<Step | undefined> {
    const key = outputHashKey(outputHash);
    if (this.#entered.has(key)) return undefined;
    this.#entered.add(key);
    const pathInfo = await this.#lookUp(key, outputHash);
    this.#lookups.delete(key);
    if (pathInfo === undefined) throw notFound(outputHash, referrer);
    return { pathInfo, next: 0, ahead: 0 };
  }

  #lookAhead(step: Step): void {
    const { references } = step.pathInfo;
    while (step.ahead < references.length && this.#lookups.size < MAX_LOOKUPS) {
      const reference = references[step.ahead++]!;
      const key = outputHashKey(reference);
      if (!this.#entered.has(key)) this.#lookUp(key, reference);
    }
  }

  #lookUp(key: string, outputHash: Uint8Array): Promise<PathInfo | undefined> {
    let lookup = this.#lookups.get(key);
    if (lookup === undefined) {
      lookup = this.#pathInfos.get(outputHash, this.#options);
      // Whoever comes to it gets the failure; until then nobody listens.
      lookup.catch(() => {});
      this.#lookups.set(key, lookup);
    }
    return lookup;
  }
}

function notFound(outputHash: Uint8Array, referrer?: PathInfo): StoreError {
  const hash = encodeNixBase32(outputHash);
  const because =
    referrer === undefined
      ? ''
      : `, which ${referrer.storePath.toString()} refers to`;
  return new StoreError(
    'store/path-not-found',
    `no path info of ${hash}${because}`,
    { details: { outputHash, referrer: referrer?.storePath } },
  );
}
