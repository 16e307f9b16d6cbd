import { treeFromDisk } from '@tvix/castore';
import { NarWriter } from '@tvix/nar';
import type { Command } from '../command.ts';
import { isStorePathArgument } from '../is-store-path-argument.ts';
import { writeAhead } from '../write-ahead.ts';

/** Writes the archive of a path on disk, or of a path in the store, to standard output. */
export const narDump: Command = async (context, { operands }) => {
  const [path = ''] = operands;
  if (!isStorePathArgument(path))
    return writeAhead(archiveOf(path), context.output);
  // The services take longer to load than a small path to dump.
  const { dumpFromStore } = await import('../dump-from-store.ts');
  return dumpFromStore(path, context);
};

/** The archive of a path on disk, about a MiB at a time. */
async function* archiveOf(
  path: string,
): AsyncGenerator<readonly Uint8Array[], void> {
  const writer = new NarWriter();
  for await (const batch of treeFromDisk(path)) {
    for (const event of batch) writer.write(event);
    yield writer.take();
  }
  writer.finish();
  yield writer.take();
}
