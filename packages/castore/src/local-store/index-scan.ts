import { yieldToLoop } from '../blob-service/time-slice.ts';
import type { StoreIndex } from './store-index.ts';

/** An entry takes some microseconds to look at: a page stays below a few milliseconds. */
const PAGE_ENTRIES = 1000;

/**
 * All entries of one space of the index in order, in pages, so that the event loop turns in between. What changes
 * meanwhile may or may not show.
 */
export async function* scanIndex(
  index: StoreIndex,
  space: number,
): AsyncGenerator<(readonly [key: Buffer, value: Buffer])[]> {
  const end = Buffer.of(space + 1);
  let start: Buffer = Buffer.of(space);
  for (;;) {
    const page = index.range({ start, end, limit: PAGE_ENTRIES });
    if (page.length > 0) yield page;
    if (page.length < PAGE_ENTRIES) return;
    start = Buffer.concat([page.at(-1)![0], Buffer.of(0)]);
    await yieldToLoop();
  }
}
