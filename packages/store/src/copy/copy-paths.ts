import type { CallOptions } from '@tvix/castore';
import type { PathInfo } from '../path-info/path-info.ts';
import type { Store } from '../store.ts';
import { closureOf, pathInfosOf } from './closure.ts';
import { copyTree } from './copy-tree.ts';

/** Options of {@link copyPaths}. */
export interface CopyOptions extends CallOptions {
  /** Whether what the paths refer to comes along, which is the default. */
  readonly followsReferences?: boolean;
}

/** A path of the closure that is in the target now. */
export interface CopiedPath {
  readonly pathInfo: PathInfo;
  /** `present` where the target had a path info of that output hash before; then nothing was looked at or copied. */
  readonly status: 'copied' | 'present';
}

/**
 * Copies store paths, named by their output hashes, and all that they refer to from one store into another; tells each
 * path once it is there. A path is copied after the paths that it refers to, its path info after its contents: whatever
 * stops the copy, what the target has is whole, and a second copy goes on where the first one ended.
 *
 * It works while it is iterated.
 *
 * @throws StoreError `store/path-not-found`; CastoreError `castore/blob-not-found`, `castore/directory-not-found` where
 *   the source is incomplete; and what the services throw
 */
export async function* copyPaths(
  outputHashes: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  from: Store,
  to: Store,
  options: CopyOptions = {},
): AsyncGenerator<CopiedPath, void, undefined> {
  const { followsReferences = true } = options;
  const wanted = followsReferences ? closureOf : pathInfosOf;
  for await (const pathInfo of wanted(outputHashes, from.pathInfos, options)) {
    const { digest } = pathInfo.storePath;
    if ((await to.pathInfos.get(digest, options)) !== undefined) {
      yield { pathInfo, status: 'present' };
      continue;
    }
    await copyTree(pathInfo.node, from, to, options);
    const stored = await to.pathInfos.put(pathInfo, options);
    yield { pathInfo: stored, status: 'copied' };
  }
}
