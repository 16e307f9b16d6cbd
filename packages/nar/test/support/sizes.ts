import {
  directoryNodeSize,
  entrySize,
  regularNodeSize,
  symlinkNodeSize,
} from '../../src/encoded-size.ts';
import type { Tree } from './tree.ts';

/** The size of a tree's node, from the sizes of its elements. */
export function nodeSize(tree: Tree): bigint {
  if ('link' in tree) return symlinkNodeSize(tree.link.length);
  if ('file' in tree)
    return regularNodeSize(tree.executable ?? false, BigInt(tree.file.length));
  return directoryNodeSize(
    tree.entries.reduce(
      (sum, [name, node]) => sum + entrySize(name.length, nodeSize(node)),
      0n,
    ),
  );
}
