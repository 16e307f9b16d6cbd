import {
  ChainedStore,
  LocalBlobService,
  LocalDirectoryService,
} from '@tvix/castore';
import type { LocalStore } from '@tvix/castore';
import type { TreeStorage } from './tree-storage.ts';

/**
 * Where one tree is put. What is put may be waited for once, at the end; whatever a crash leaves before that has all
 * that it refers to.
 */
export interface TreeUpload extends TreeStorage {
  /** Resolves once all that was put is durable, and throws why it can't be. Called once, after failures too. */
  finish(): Promise<void>;
}

/** Into a local store that keeps the blobs and the directories alike. */
export function localTreeUpload(store: LocalStore): TreeUpload {
  const chained = new ChainedStore(store);
  return {
    blobs: new LocalBlobService(chained),
    directories: new LocalDirectoryService(chained),
    finish: () => chained.finish(),
  };
}
