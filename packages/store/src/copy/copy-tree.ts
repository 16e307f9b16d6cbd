import { DigestMap } from '@tvix/castore';
import type { B3Digest, CallOptions, Directory, Node } from '@tvix/castore';
import { StoreError } from '../errors.ts';
import type { TreeStorage } from '../nar/tree-storage.ts';
import { copyBlobs } from './copy-blobs.ts';
import type { SizedBlob } from './copy-blobs.ts';

/** How many blobs the target is asked for at a time. */
const MAX_BLOBS_AT_ONCE = 1000;

/**
 * Copies a tree: the blobs that the target lacks, then all directories, leaves first. Directories are few and small
 * beside blobs, and sending them all mends a target that lacks some. Memory holds the directories of the tree.
 *
 * @throws CastoreError `castore/directory-not-found`, `castore/blob-not-found` where the source lacks a part; and as
 *   the services throw
 */
export async function copyTree(
  node: Node,
  from: TreeStorage,
  to: TreeStorage,
  options?: CallOptions,
): Promise<void> {
  switch (node.type) {
    case 'symlink':
      return;
    case 'file':
      return copyBlobs([node], from.blobs, to.blobs, options);
    case 'directory':
      return copyDirectory(node.digest, from, to, options);
  }
}

async function copyDirectory(
  root: B3Digest,
  from: TreeStorage,
  to: TreeStorage,
  options: CallOptions | undefined,
): Promise<void> {
  const directories = new DigestMap<Directory>();
  let blobs: SizedBlob[] = [];
  for await (const directory of from.directories.getRecursive(root, options)) {
    directories.set(directory.digest, directory);
    for (const { node } of directory.entries)
      if (node.type === 'file') blobs.push(node);
    if (blobs.length < MAX_BLOBS_AT_ONCE) continue;
    await copyBlobs(blobs, from.blobs, to.blobs, options);
    blobs = [];
  }
  if (blobs.length > 0) await copyBlobs(blobs, from.blobs, to.blobs, options);

  const putter = to.directories.putMultipleStart(options);
  try {
    for (const directory of leavesFirst(root, directories))
      await putter.put(directory);
    const stored = await putter.close();
    if (!stored.equals(root)) {
      throw new StoreError(
        'store/protocol',
        `directory ${root.toString()} was stored as ${stored.toString()}`,
        { details: { expected: root, found: stored } },
      );
    }
  } catch (error) {
    await putter.abort(error);
    throw error;
  }
}

/** Each directory once, after all that it refers to. */
function* leavesFirst(
  root: B3Digest,
  directories: DigestMap<Directory>,
): Generator<Directory> {
  const enter = (digest: B3Digest): Step => {
    const directory = directories.get(digest)!;
    // What was entered isn't entered again.
    directories.delete(digest);
    return { directory, children: directory.directories() };
  };
  const way: Step[] = [enter(root)];
  for (let step = way.at(-1); step !== undefined; step = way.at(-1)) {
    const next = step.children.next();
    if (next.done) {
      way.pop();
      yield step.directory;
    } else if (directories.has(next.value.digest)) {
      way.push(enter(next.value.digest));
    }
  }
}

/** A directory on the way down, with those of its children that weren't looked at yet. */
interface Step {
  readonly directory: Directory;
  readonly children: ReturnType<Directory['directories']>;
}
