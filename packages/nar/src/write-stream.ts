import type { NarEvent } from './event.ts';
import { NarWriter, type NarWriterOptions } from './write.ts';

/**
 * Writes one archive from batches of events and yields its bytes as they fill buffers. Nothing is read ahead: the next
 * batch is asked for when all that the last one completed has been consumed.
 *
 * @throws NarError when the events are no tree; errors of the source pass through unchanged
 */
export async function* writeNar(
  batches: AsyncIterable<readonly NarEvent[]> | Iterable<readonly NarEvent[]>,
  options: NarWriterOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const writer = new NarWriter(options);
  for await (const events of batches) {
    for (const event of events) writer.write(event);
    yield* writer.take();
  }
  writer.finish();
  yield* writer.take();
}
