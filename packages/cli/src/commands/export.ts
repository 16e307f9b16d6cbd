import { readTree, treeToDisk } from '@tvix/castore';
import type { Command } from '../command.ts';
import { parseStorePathArgument, requireNode } from '../store-path-argument.ts';
import { countingProgress } from '../tree-progress.ts';
import { withStoreToRead } from '../with-store.ts';

/** Writes the tree of a store path, or a part of it, to disk. */
export const exportPath: Command = async (context, { operands }) => {
  const [path = '', destination = ''] = operands;
  const argument = parseStorePathArgument(path);
  await withStoreToRead(context, async (store) => {
    const { node } = await requireNode(store, argument);
    const events = countingProgress(
      readTree(node, store),
      context.progress,
      destination,
    );
    await treeToDisk(events, destination);
  });
};
