import { RenderBuffers, renderNar } from '@tvix/store';
import type { CommandContext } from './command.ts';
import { parseStorePathArgument, requireNode } from './store-path-argument.ts';
import { withStoreToRead } from './with-store.ts';
import { writeAhead } from './write-ahead.ts';

/** How many bytes are gathered for one write. */
const WRITE_BYTES = 512 * 1024;

/** Writes the archive of a path in the store to the output. */
export async function dumpFromStore(
  path: string,
  context: CommandContext,
): Promise<void> {
  const argument = parseStorePathArgument(path);
  await withStoreToRead(context, async (store) => {
    const { node } = await requireNode(store, argument);
    const buffers = new RenderBuffers();
    const pieces = gathered(renderNar(node, store, { buffers }));
    await writeAhead(pieces, context.output, (written) => {
      for (const piece of written) buffers.give(piece);
    });
  });
}

async function* gathered(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly Uint8Array[], void> {
  let chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    chunks.push(piece);
    bytes += piece.length;
    if (bytes < WRITE_BYTES) continue;
    yield chunks;
    chunks = [];
    bytes = 0;
  }
  yield chunks;
}
