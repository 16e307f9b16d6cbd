import { ingestTree, treeFromDisk } from '@tvix/castore';
import type { Command } from '../command.ts';
import { CliError } from '../errors.ts';
import { nodeJson } from '../node-json.ts';
import { withStoreToWrite } from '../with-store.ts';

/** Stores a tree, and prints the digest of its root node. */
export const castorePut: Command = async (context, { operands }) => {
  const [path = ''] = operands;
  const { output, json, progress } = context;
  await withStoreToWrite(context, async (store) => {
    const node = await ingestTree(
      treeFromDisk(path, { reusesBuffer: true }),
      store,
      {
        onProgress: (done) => progress.report(path, done),
      },
    );
    if (json) return output.json(nodeJson(node));
    if (node.type === 'symlink')
      throw new CliError(
        'cli/wrong-type',
        `${path} is a symbolic link, which has no digest`,
      );
    await output.line(node.digest.toString());
  });
};
