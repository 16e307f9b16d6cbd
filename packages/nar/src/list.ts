import type { NarEvent } from './event.ts';
import { NarLister, type NarListerOptions } from './listing.ts';

/**
 * Prints the listing of one archive as JSON in UTF-8 chunks, from its events: those of `parseNar` with
 * `contents: 'skip'`, of `skimNar`, or of any other tree in archive order.
 */
export async function* listNar(
  batches: AsyncIterable<readonly NarEvent[]> | Iterable<readonly NarEvent[]>,
  options: NarListerOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const lister = new NarLister(options);
  for await (const events of batches) {
    lister.push(events);
    yield* lister.take();
  }
  lister.finish();
  yield* lister.take();
}
