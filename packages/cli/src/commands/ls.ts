import type { Command } from '../command.ts';
import { castoreListing } from '../listing/castore.ts';
import { printListing } from '../listing/print.ts';
import { parseStorePathArgument, requireNode } from '../store-path-argument.ts';
import { withStoreToRead } from '../with-store.ts';

/** Lists a store path, or what is at a path inside it. */
export const ls: Command = async (context, { operands, options }) => {
  const argument = parseStorePathArgument(operands[0] ?? '');
  const recursive = options['recursive'] === true;
  await withStoreToRead(context, async (store) => {
    const { node } = await requireNode(store, argument);
    await printListing(
      castoreListing(node, store.directories, { recursive }),
      context,
      {
        name:
          argument.names.at(-1) ?? Buffer.from(argument.storePath.toString()),
        recursive,
        long: options['long'] === true,
      },
    );
  });
};
