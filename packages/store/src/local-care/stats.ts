import { countLocalStore } from '@tvix/castore';
import type {
  DirectoryService,
  LocalStore,
  LocalStoreStats,
  Node,
} from '@tvix/castore';
import type { PathInfoService } from '../path-info-service/path-info-service.ts';
import { logicalBytes } from './logical-bytes.ts';

/** What a local Nix store holds and what that takes. All sizes in bytes. */
export interface StoreStats extends LocalStoreStats {
  readonly pathInfos: number;
  /** Of the files of all store paths, each counted as often as it stands there. */
  readonly logicalBytes: number;
  /** The logical bytes less those of the chunks that are stored; garbage counts against it, down to zero. */
  readonly savedByDeduplicationBytes: number;
}

/**
 * Counts a store by a walk over its index and its directories.
 *
 * @throws CastoreError `castore/corrupt-store`, `castore/io`, `castore/directory-not-found` where a tree isn't complete
 */
export async function storeStats(store: {
  readonly localStore: LocalStore;
  readonly pathInfos: Pick<PathInfoService, 'list'>;
  readonly directories: Pick<DirectoryService, 'get'>;
}): Promise<StoreStats> {
  let pathInfos = 0;
  async function* roots(): AsyncGenerator<Node> {
    for await (const { node } of store.pathInfos.list()) {
      pathInfos += 1;
      yield node;
    }
  }
  const logical = Number(await logicalBytes(roots(), store.directories));
  const counted = await countLocalStore(store.localStore);
  return {
    ...counted,
    pathInfos,
    logicalBytes: logical,
    savedByDeduplicationBytes: Math.max(0, logical - counted.chunks.rawBytes),
  };
}
