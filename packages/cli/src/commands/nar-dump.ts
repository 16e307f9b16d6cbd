import { treeFromDiskSync } from '@tvix/castore';
import { NarWriter } from '@tvix/nar';
import { renderNar } from '@tvix/store';
import type { Command, CommandContext } from '../command.ts';
import { writeFully } from '../output-sync.ts';
import {
  isStorePathArgument,
  parseStorePathArgument,
  requireNode,
} from '../store-path-argument.ts';
import { withStoreToRead } from '../with-store.ts';

const STDOUT = 1;

/** Writes the archive of a path on disk, or of a path in the store, to standard output. */
export const narDump: Command = async (context, { operands }) => {
  const [path = ''] = operands;
  if (isStorePathArgument(path)) await dumpFromStore(path, context);
  else dumpFromDisk(path);
};

/** There is nothing else to do meanwhile: reading, writing and waiting on one thread is the fastest. */
function dumpFromDisk(path: string): void {
  const writer = new NarWriter();
  for (const batch of treeFromDiskSync(path)) {
    for (const event of batch) writer.write(event);
    writeFully(STDOUT, writer.take());
  }
  writer.finish();
  writeFully(STDOUT, writer.take());
}

async function dumpFromStore(
  path: string,
  context: CommandContext,
): Promise<void> {
  const argument = parseStorePathArgument(path);
  await withStoreToRead(context, async (store) => {
    const { node } = await requireNode(store, argument);
    for await (const chunk of renderNar(node, store))
      await context.output.write([chunk]);
  });
}
