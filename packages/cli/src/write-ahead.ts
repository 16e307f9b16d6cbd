import type { Output } from './output.ts';

/**
 * Writes pieces as they come, the next being made while one is on its way: the two take turns on the same bytes, but not
 * on the same thread. `onWritten` is told of pieces once nobody looks at them any more.
 */
export async function writeAhead(
  pieces: AsyncIterable<readonly Uint8Array[]>,
  output: Pick<Output, 'write'>,
  onWritten?: (chunks: readonly Uint8Array[]) => void,
): Promise<void> {
  let written = Promise.resolve();
  for await (const chunks of pieces) {
    const previous = written;
    written = output.write(chunks).then(() => onWritten?.(chunks));
    // It is looked at in the next round; until then, a failure must not count as unnoticed.
    written.catch(() => {});
    await previous;
  }
  await written;
}
