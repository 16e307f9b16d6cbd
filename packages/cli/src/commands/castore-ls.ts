import { B3Digest, requireDirectory, splitPath } from '@tvix/castore';
import type { Node } from '@tvix/castore';
import type { Command } from '../command.ts';
import { castoreListing } from '../listing/castore.ts';
import { printListing } from '../listing/print.ts';
import { requireBelow } from '../store-path-argument.ts';
import { withStoreToRead } from '../with-store.ts';

/** Lists a directory by its digest, or what is at a path inside it. */
export const castoreLs: Command = async (context, { operands, options }) => {
  const [digestText = '', path = ''] = operands;
  const digest = B3Digest.parse(digestText);
  const names = splitPath(path);
  const recursive = options['recursive'] === true;
  await withStoreToRead(context, async (store) => {
    const { size } = await requireDirectory(store.directories, digest);
    const root: Node = { type: 'directory', digest, size };
    const node = await requireBelow(store, root, names, digest.toString());
    await printListing(
      castoreListing(node, store.directories, { recursive }),
      context,
      {
        name: names.at(-1) ?? Buffer.from('.'),
        recursive,
        long: options['long'] === true,
      },
    );
  });
};
