import { join } from 'node:path';
import { LocalBlobService, LocalDirectoryService } from '@tvix/castore';
import type { LocalStore } from '@tvix/castore';
import { FileCache } from '../../src/import/file-cache.ts';
import { importPath } from '../../src/import/import-path.ts';
import { KnownTrees } from '../../src/import/known-trees.ts';
import type { KnownTreesOptions } from '../../src/import/known-trees.ts';
import { CachedNarCalculation } from '../../src/nar/cached-calculation.ts';
import { LocalNarCalculationCache } from '../../src/nar/local-calculation-cache.ts';
import { RenderingNarCalculation } from '../../src/nar/rendering-calculation.ts';
import { localTreeUpload } from '../../src/nar/tree-upload.ts';
import type { PathInfo } from '../../src/path-info/path-info.ts';
import { LocalPathInfoService } from '../../src/path-info-service/local.ts';

/** An import as the program makes one: what it remembers lies in files of a folder. */
export class RememberingImport {
  readonly store: ReturnType<typeof localServices>;
  readonly trees: KnownTrees;
  readonly #localStore: LocalStore;
  readonly #files: FileCache;

  constructor(
    localStore: LocalStore,
    folder: string,
    options: KnownTreesOptions,
  ) {
    this.store = localServices(localStore);
    this.trees = new KnownTrees(join(folder, 'trees'), options);
    this.#localStore = localStore;
    this.#files = FileCache.load(join(folder, 'files'));
  }

  async run(tree: string): Promise<PathInfo> {
    const narCalculation = new CachedNarCalculation(
      new RenderingNarCalculation(this.store),
      new LocalNarCalculationCache(this.#localStore),
    );
    const { trees } = this;
    const pathInfo = await importPath(tree, this.store, {
      known: { files: this.#files, narCalculation, trees },
      openUpload: () => localTreeUpload(this.#localStore),
    });
    this.#files.save();
    return pathInfo;
  }
}

export function localServices(localStore: LocalStore): {
  blobs: LocalBlobService;
  directories: LocalDirectoryService;
  pathInfos: LocalPathInfoService;
} {
  return {
    blobs: new LocalBlobService(localStore),
    directories: new LocalDirectoryService(localStore),
    pathInfos: new LocalPathInfoService(localStore),
  };
}
