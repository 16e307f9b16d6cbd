import type { CallOptions } from '@tvix/castore';
import type { PathInfo } from '../path-info/path-info.ts';
import type { Substituter } from '../substitution/substituter.ts';
import type {
  PathInfoCapabilities,
  PathInfoService,
} from './path-info-service.ts';

/** A store that fetches what it is asked for and lacks. */
export class SubstitutingPathInfoService implements PathInfoService {
  readonly capabilities: PathInfoCapabilities;
  readonly #inner: PathInfoService;
  readonly #substituter: Pick<Substituter, 'fetch'>;

  /** The substituter puts what it fetches into `inner`. */
  constructor(inner: PathInfoService, substituter: Pick<Substituter, 'fetch'>) {
    this.capabilities = inner.capabilities;
    this.#inner = inner;
    this.#substituter = substituter;
  }

  async get(
    outputHash: Uint8Array,
    options?: CallOptions,
  ): Promise<PathInfo | undefined> {
    return (
      (await this.#inner.get(outputHash, options)) ??
      (await this.#substituter.fetch(outputHash, options))
    );
  }

  put(pathInfo: PathInfo, options?: CallOptions): Promise<PathInfo> {
    return this.#inner.put(pathInfo, options);
  }

  list(options?: CallOptions): AsyncIterable<PathInfo> {
    return this.#inner.list(options);
  }

  /** What is forgotten is fetched again once somebody asks for it and an upstream has it. */
  delete(
    outputHashes: readonly Uint8Array[],
    options?: CallOptions,
  ): Promise<void> {
    return this.#inner.delete(outputHashes, options);
  }
}
