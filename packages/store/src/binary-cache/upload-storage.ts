import {
  ChainedStore,
  LocalBlobService,
  LocalDirectoryService,
} from '@tvix/castore';
import type { LocalStore } from '@tvix/castore';
import type { TreeStorage } from '../nar/tree-storage.ts';
import { chainedPathInfos } from '../path-info-service/local.ts';
import type { PathInfoService } from '../path-info-service/path-info-service.ts';
import type { CacheTable } from './table.ts';
import { LOCAL_CACHE_TABLES } from './tables.ts';

/**
 * Where one NAR is uploaded to. What is put may be waited for once, at the end; whatever a crash leaves before that
 * has all that it refers to.
 */
export interface UploadStorage extends TreeStorage {
  /** Files uploaded under `nar/`. */
  readonly nars: Pick<CacheTable, 'put'>;
  /** The path that the NAR turns out to be of, put behind it: once that resolves, both are durable. */
  readonly pathInfos: Pick<PathInfoService, 'put'>;
  /** Resolves once all that was put is durable, and throws why it can't be. Called once, after failures too. */
  finish(): Promise<void>;
}

/** Uploads into a local store that keeps the blobs, the directories and the tables alike. */
export function localUploads(store: LocalStore): () => UploadStorage {
  return () => {
    const chained = new ChainedStore(store);
    return {
      blobs: new LocalBlobService(chained),
      directories: new LocalDirectoryService(chained),
      nars: chained.table(LOCAL_CACHE_TABLES.nars),
      pathInfos: chainedPathInfos(chained),
      finish: () => chained.finish(),
    };
  };
}
