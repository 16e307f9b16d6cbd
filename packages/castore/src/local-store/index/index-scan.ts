import { yieldToLoop } from '../../blob-service/time-slice.ts';
import type { StoreIndex } from './store-index.ts';

/** An entry takes some microseconds to look at: a page stays below a few milliseconds. */
const PAGE_ENTRIES = 1000;

/**
 * All entries of one space of the index in order, or those behind a key of it, in pages, so that the event loop turns in
 * between. What changes meanwhile may or may not show.
 */
export async function* scanIndex(
  index: StoreIndex,
  space: number,
  after?: Uint8Array,
): AsyncGenerator<(readonly [key: Buffer, value: Buffer])[]> {
  const end = Buffer.of(space + 1);
  let start: Buffer =
    after === undefined ? Buffer.of(space) : justBehind(after);
  for (;;) {
    const page = index.range({ start, end, limit: PAGE_ENTRIES });
    if (page.length > 0) yield page;
    if (page.length < PAGE_ENTRIES) return;
    start = justBehind(page.at(-1)![0]);
    await yieldToLoop();
  }
}

/** The least key that is greater. */
function justBehind(key: Uint8Array): Buffer {
  return Buffer.concat([key, Buffer.of(0)]);
}
