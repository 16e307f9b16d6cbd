import {
  countLocalStore,
  LocalDirectoryService,
  QuietStore,
} from '@tvix/castore';
import type {
  CallOptions,
  LocalStore,
  LocalStoreStats,
  Node,
} from '@tvix/castore';
import { LocalPathInfoService } from '../path-info-service/local.ts';
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
 * Counts a store by a walk over its index and its directories. Counting isn't use.
 *
 * @throws CastoreError `castore/corrupt-store`, `castore/io`, `castore/directory-not-found` where a tree isn't complete
 */
export async function storeStats(
  localStore: LocalStore,
  options?: CallOptions,
): Promise<StoreStats> {
  const quiet = new QuietStore(localStore);
  try {
    let pathInfos = 0;
    async function* roots(): AsyncGenerator<Node> {
      const listed = new LocalPathInfoService(localStore).list(options);
      for await (const { node } of listed) {
        pathInfos += 1;
        yield node;
      }
    }
    const directories = new LocalDirectoryService(quiet);
    const logical = Number(await logicalBytes(roots(), directories));
    const counted = await countLocalStore(localStore);
    return {
      ...counted,
      pathInfos,
      logicalBytes: logical,
      savedByDeduplicationBytes: Math.max(0, logical - counted.chunks.rawBytes),
    };
  } finally {
    quiet[Symbol.dispose]();
  }
}
