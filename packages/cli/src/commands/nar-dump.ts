import { treeFromDiskSync } from '@tvix/castore';
import { NarWriter } from '@tvix/nar';
import type { Command } from '../command.ts';
import { isStorePathArgument } from '../is-store-path-argument.ts';
import { writeFully } from '../output-sync.ts';

const STDOUT = 1;

/** Writes the archive of a path on disk, or of a path in the store, to standard output. */
export const narDump: Command = async (context, { operands }) => {
  const [path = ''] = operands;
  if (!isStorePathArgument(path)) return dumpFromDisk(path);
  // The services take longer to load than a small path to dump.
  const { dumpFromStore } = await import('../dump-from-store.ts');
  return dumpFromStore(path, context);
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
