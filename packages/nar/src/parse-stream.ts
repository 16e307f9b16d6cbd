import type { ParsedNarEvent } from './event.ts';
import { NarParser, type NarParserOptions } from './parse.ts';

/**
 * Reads one archive from a stream of chunks and yields its events, one batch a chunk (chunks that complete nothing yield
 * no batch). With `trailing: 'ignore'` the source is left as soon as the root node is complete.
 *
 * `data` events are views into the source's chunks.
 *
 * @throws NarError of kind `invalid-data` or `unexpected-eof`; errors of the source pass through unchanged
 */
export async function* parseNar(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: NarParserOptions = {},
): AsyncGenerator<readonly ParsedNarEvent[], void, undefined> {
  const parser = new NarParser(options);
  for await (const chunk of source) {
    const events = parser.push(chunk);
    if (events.length > 0) yield events;
    if (parser.done && options.trailing === 'ignore') return;
  }
  parser.finish();
}
