import { DigestSet, traverseBreadthFirst } from '@tvix/castore';
import type { B3Digest, CallOptions, Node } from '@tvix/castore';
import type { TreeStorage } from './tree-storage.ts';

const BATCH = 1024;

/** Whether all directories and blobs of a tree are stored. No contents are read. */
export async function isTreeStored(
  node: Node,
  { blobs, directories }: TreeStorage,
  options?: CallOptions,
): Promise<boolean> {
  if (node.type === 'symlink') return true;
  if (node.type === 'file') return blobs.has(node.digest, options);

  const seen = new DigestSet();
  let batch: B3Digest[] = [];
  const lacks = async (): Promise<boolean> => {
    const missing = await blobs.findMissing(batch, options);
    batch = [];
    return missing.length > 0;
  };
  try {
    const tree = traverseBreadthFirst(directories, node.digest, options);
    for await (const { entries } of tree) {
      for (const { node: child } of entries) {
        if (child.type !== 'file' || seen.has(child.digest)) continue;
        seen.add(child.digest);
        batch.push(child.digest);
        if (batch.length >= BATCH && (await lacks())) return false;
      }
    }
  } catch (error) {
    if (isMissingDirectory(error)) return false;
    throw error;
  }
  return !(await lacks());
}

function isMissingDirectory(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    error.code === 'castore/directory-not-found'
  );
}
