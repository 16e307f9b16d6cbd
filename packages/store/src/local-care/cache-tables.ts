import { collectGarbage, DEFAULT_GRACE_MS } from '@tvix/castore';
import type {
  BlobService,
  CallOptions,
  DirectoryLookup,
  LocalStore,
  Node,
} from '@tvix/castore';
import { debugInfoFile } from '../binary-cache/debug-info.ts';
import { realisedPath } from '../binary-cache/realisation-json.ts';
import { LOCAL_CACHE_TABLES } from '../binary-cache/tables.ts';
import { decodeUploadedNar } from '../binary-cache/uploaded-nar.ts';
import type { PathInfoService } from '../path-info-service/path-info-service.ts';
import { sweepTable } from './side-tables.ts';

/** The store that a binary cache serves, wherever it is. */
export interface ServedStore {
  readonly blobs: Pick<BlobService, 'has'>;
  readonly directories: DirectoryLookup;
  readonly pathInfos: Pick<PathInfoService, 'get'>;
}

/**
 * Cleans up a local store that holds nothing but the tables of a binary cache, whose paths and trees are in another one:
 * forgets names of uploaded files, debug information and realisations that are older than a day and whose tree or path
 * isn't there, and gives their space back. Logs stay: nothing says which path they belong to once that is gone. So does
 * what can't be looked up now.
 *
 * @throws CastoreError as `collectGarbage` does
 */
export async function sweepCacheTables(
  tables: LocalStore,
  served: ServedStore,
  { signal }: CallOptions = {},
): Promise<void> {
  const options = signal === undefined ? {} : { signal };
  const oldMs = tables.interior.now() - DEFAULT_GRACE_MS;
  const sweep = (
    name: string,
    isGone: (value: Uint8Array) => Promise<boolean>,
  ): Promise<void> => {
    const table = tables.table(name);
    return sweepTable(
      tables,
      table,
      signal,
      async (key, value) =>
        (table.writtenMs(key) ?? Infinity) < oldMs && (await isGone(value)),
    );
  };
  const isTreeGone = async (entry: Uint8Array): Promise<boolean> => {
    const { node } = decodeUploadedNar(entry);
    return !(await isThere(node, served, options));
  };
  const nars = tables.table(LOCAL_CACHE_TABLES.nars);
  // Before the files, by whose entries they are told.
  await sweep(LOCAL_CACHE_TABLES.debugInfo, async (value) => {
    const file = debugInfoFile(value);
    const nar = file && nars.get(file);
    return nar === undefined || isTreeGone(nar);
  });
  await sweep(LOCAL_CACHE_TABLES.nars, isTreeGone);
  await sweep(LOCAL_CACHE_TABLES.realisations, async (value) => {
    const path = realisedPath(value);
    if (path === undefined) return false;
    return (await served.pathInfos.get(path.digest, options)) === undefined;
  });
  await collectGarbage(tables, { roots: none(), ...options });
}

/** Whether the root of a tree is stored: what is collected is so as a whole. */
async function isThere(
  node: Node,
  { blobs, directories }: ServedStore,
  options: CallOptions,
): Promise<boolean> {
  switch (node.type) {
    case 'symlink':
      return true;
    case 'file':
      return blobs.has(node.digest, options);
    case 'directory':
      return (await directories.get(node.digest, options)) !== undefined;
  }
}

async function* none(): AsyncGenerator<Node> {}
