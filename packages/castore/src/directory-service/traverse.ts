import type { CallOptions } from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import { DigestSet } from '../digest/digest-map.ts';
import { CastoreError } from '../errors.ts';
import type { Directory } from '../node/directory.ts';
import type { Node } from '../node/node.ts';
import type { PathComponent } from '../path/path-component.ts';
import type { DirectoryService } from './directory-service.ts';

/** Looks directories up one by one. */
export type DirectoryLookup = Pick<DirectoryService, 'get'>;

/**
 * A directory and all below it, breadth first, each digest once: `getRecursive` for any backend that can look up.
 *
 * @throws CastoreError `castore/directory-not-found` for the root and for every directory that is referred to
 */
export async function* traverseBreadthFirst(
  directories: DirectoryLookup,
  root: B3Digest,
  options?: CallOptions,
): AsyncGenerator<Directory> {
  const known = new DigestSet([root]);
  for (const digest of known) {
    const directory = await requireDirectory(directories, digest, options);
    yield directory;
    // A set yields what is added while it is walked: it is the queue and the memory of what was queued in one.
    for (const child of directory.directories()) known.add(child.digest);
  }
}

/**
 * The node that a path leads to from a root node; `undefined` where a name is missing or something on the way is no
 * directory. Symbolic links aren't followed.
 *
 * @throws CastoreError `castore/directory-not-found` where a directory on the way isn't stored
 */
export async function descendTo(
  directories: DirectoryLookup,
  root: Node,
  path: readonly PathComponent[],
  options?: CallOptions,
): Promise<Node | undefined> {
  let node: Node | undefined = root;
  for (const name of path) {
    if (node?.type !== 'directory') return undefined;
    node = (await requireDirectory(directories, node.digest, options)).get(
      name,
    );
  }
  return node;
}

/**
 * A directory that something refers to, so that its absence is a failure.
 *
 * @throws CastoreError `castore/directory-not-found`
 */
export async function requireDirectory(
  directories: DirectoryLookup,
  digest: B3Digest,
  options?: CallOptions,
): Promise<Directory> {
  const directory = await directories.get(digest, options);
  if (directory === undefined) {
    throw new CastoreError(
      'castore/directory-not-found',
      `directory ${digest.toString()} is not in the store`,
      {
        details: { digest },
      },
    );
  }
  return directory;
}
