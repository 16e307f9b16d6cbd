import {
  LocalBlobService,
  LocalDirectoryService,
  openLocalStore,
} from '@tvix/castore';
import { importPath, LocalPathInfoService } from '@tvix/store';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededBytes } from './trees.ts';

const TWO_DAYS_MS = 48 * 60 * 60 * 1000;

/**
 * Makes a store of paths that nobody used for two days, each a directory with files of a seed of its own that neither
 * compress nor repeat. Answers with the store paths.
 */
export async function makeOldStore(
  folder: string,
  {
    paths,
    files,
    fileBytes,
  }: { paths: number; files: number; fileBytes: number },
): Promise<string[]> {
  const localStore = await openLocalStore(join(folder, 'store'), {
    now: () => Date.now() - TWO_DAYS_MS,
  });
  try {
    const store = {
      blobs: new LocalBlobService(localStore),
      directories: new LocalDirectoryService(localStore),
      pathInfos: new LocalPathInfoService(localStore),
    };
    const storePaths: string[] = [];
    for (let i = 0; i < paths; i += 1) {
      const tree = writeTree(
        join(folder, `old-${i}`),
        1000 * i,
        files,
        fileBytes,
      );
      const { storePath } = await importPath(tree, store);
      storePaths.push(storePath.toAbsolutePath());
    }
    return storePaths;
  } finally {
    await localStore.close();
  }
}

/** A directory of files that neither compress nor repeat. Answers with its path. */
export function writeTree(
  path: string,
  seed: number,
  files: number,
  fileBytes: number,
): string {
  mkdirSync(path);
  for (let file = 0; file < files; file += 1)
    writeFileSync(
      join(path, `file-${file}`),
      seededBytes(2 * (seed + file) + 1, fileBytes),
    );
  return path;
}
