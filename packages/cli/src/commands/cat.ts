import type { Command } from '../command.ts';
import { CliError } from '../errors.ts';
import { parseStorePathArgument, requireNode } from '../store-path-argument.ts';
import { withStoreToRead } from '../with-store.ts';
import { writeBlob } from '../write-blob.ts';

/** Prints a file in a store path. */
export const cat: Command = async (context, { operands }) => {
  const [path = ''] = operands;
  const argument = parseStorePathArgument(path);
  await withStoreToRead(context, async (store) => {
    const { node } = await requireNode(store, argument);
    if (node.type !== 'file')
      throw new CliError(
        'cli/wrong-type',
        `${path} is a ${node.type === 'symlink' ? 'symbolic link' : 'directory'}, not a file`,
      );
    await writeBlob(store.blobs, node.digest, context.output);
  });
};
