import { renderNar } from '@tvix/store';
import type { CommandContext } from './command.ts';
import { parseStorePathArgument, requireNode } from './store-path-argument.ts';
import { withStoreToRead } from './with-store.ts';

/** How many bytes are gathered for one write. */
const WRITE_BYTES = 256 * 1024;

/** Writes the archive of a path in the store to the output. */
export async function dumpFromStore(
  path: string,
  context: CommandContext,
): Promise<void> {
  const argument = parseStorePathArgument(path);
  await withStoreToRead(context, async (store) => {
    const { node } = await requireNode(store, argument);
    let chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of renderNar(node, store)) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes < WRITE_BYTES) continue;
      await context.output.write(chunks);
      chunks = [];
      bytes = 0;
    }
    await context.output.write(chunks);
  });
}
