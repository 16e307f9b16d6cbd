import type { CallOptions } from '@tvix/castore';
import type { PathInfo } from '../path-info/path-info.ts';
import { assertOutputHash, outputHashKey } from '../path-info/output-hash.ts';
import type {
  PathInfoCapabilities,
  PathInfoService,
} from './path-info-service.ts';

/** Keeps path infos in memory, for tests and throw-away daemons. */
export class MemoryPathInfoService implements PathInfoService {
  readonly capabilities: PathInfoCapabilities = {
    put: true,
    list: true,
    delete: true,
  };
  readonly #pathInfos = new Map<string, PathInfo>();

  async get(
    outputHash: Uint8Array,
    options?: CallOptions,
  ): Promise<PathInfo | undefined> {
    options?.signal?.throwIfAborted();
    return this.getNow(outputHash);
  }

  getNow(outputHash: Uint8Array): PathInfo | undefined {
    assertOutputHash(outputHash);
    return this.#pathInfos.get(outputHashKey(outputHash));
  }

  async put(pathInfo: PathInfo, options?: CallOptions): Promise<PathInfo> {
    options?.signal?.throwIfAborted();
    this.#pathInfos.set(outputHashKey(pathInfo.storePath.digest), pathInfo);
    return pathInfo;
  }

  async *list(options?: CallOptions): AsyncGenerator<PathInfo> {
    options?.signal?.throwIfAborted();
    for (const key of [...this.#pathInfos.keys()].sort()) {
      const pathInfo = this.#pathInfos.get(key);
      if (pathInfo !== undefined) yield pathInfo;
      options?.signal?.throwIfAborted();
    }
  }

  async delete(
    outputHashes: readonly Uint8Array[],
    options?: CallOptions,
  ): Promise<void> {
    options?.signal?.throwIfAborted();
    outputHashes.forEach(assertOutputHash);
    for (const outputHash of outputHashes)
      this.#pathInfos.delete(outputHashKey(outputHash));
  }
}
