import { ingestTree, treeFromDisk } from '@tvix/castore';
import type {
  CallOptions,
  TreeEvent,
  TreeEvents,
  TreeProgress,
} from '@tvix/castore';
import { buildNarPath, StorePath } from '@tvix/nar';
import { StoreError } from '../errors.ts';
import { NarDigester } from '../nar/digester.ts';
import { PathInfo } from '../path-info/path-info.ts';
import { NARInfo_CA_Hash } from '../proto/index.ts';
import type { Store } from '../store.ts';
import { nameOfPath } from './name-of-path.ts';

/** Options of {@link importPath}. */
export interface ImportOptions extends CallOptions {
  /** The name of the store path, in place of the last component of the path on disk. */
  readonly name?: string;
  /** Called about once a MiB. */
  readonly onProgress?: (progress: TreeProgress) => void;
}

/**
 * Takes a file, directory or symbolic link from disk into the store and answers with its path info once that is stored,
 * which makes the store path exist: `/nix/store/…-name`, addressed by the SHA-256 of its NAR, without references. What
 * was stored before a failure may stay, without anything that refers to it.
 *
 * The disk is read once: castore and the NAR's SHA-256 are fed by the same pass. The name is checked before anything is
 * read.
 *
 * @throws StoreError `store/no-base-name`, `store/invalid-store-path-name`, `store/no-nar-form`; CastoreError as
 *   `treeFromDisk`, `ingestTree` and the services throw
 */
export async function importPath(
  path: string,
  store: Store,
  options: ImportOptions = {},
): Promise<PathInfo> {
  const name = options.name ?? (await nameOfPath(path));
  assertStorePathName(name, path);
  const digester = new NarDigester();
  const events = digesting(
    treeFromDisk(path, { ...options, reusesBuffer: true }),
    digester,
  );
  const node = await ingestTree(events, store, options);
  const { narSize, narSha256 } = digester.finish();
  const pathInfo = PathInfo.create(buildNarPath(name, narSha256), node, {
    narSize,
    narSha256,
    signatures: [],
    references: [],
    deriver: undefined,
    ca: { type: NARInfo_CA_Hash.NAR_SHA256, digest: narSha256 },
  });
  return store.pathInfos.put(pathInfo, options);
}

/** The same batches, each told to the digester before it is handed on. */
async function* digesting(
  batches: TreeEvents,
  digester: NarDigester,
): AsyncGenerator<readonly TreeEvent[]> {
  for await (const events of batches) {
    digester.write(events);
    yield events;
  }
}

function assertStorePathName(name: string, path: string): void {
  try {
    StorePath.fromNameAndDigest(name, new Uint8Array(20));
  } catch (cause) {
    throw new StoreError(
      'store/invalid-store-path-name',
      `${JSON.stringify(name)} can't be the name of a store path: letters, digits and +-_?=. only, no dot in front, at most 211`,
      { cause, details: { name, path } },
    );
  }
}
