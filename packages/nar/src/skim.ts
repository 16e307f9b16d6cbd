import type { ParsedNarEvent } from './event.ts';
import { NarParser, type NarParserOptions } from './parse.ts';

/** Bytes that can be read at any position: a file, a blob, a range of an HTTP resource. */
export interface RandomAccess {
  /** How many bytes there are. */
  readonly size: number;
  /** The bytes from `position` on: `length` of them, or fewer where they end or come in pieces; none only at the end. */
  read(position: number, length: number): Uint8Array | Promise<Uint8Array>;
}

/** One read: some two hundred entries of small files, or the little that lies between two large ones. */
const BLOCK_BYTES = 32 * 1024;

/**
 * Reads the structure of one archive and jumps over its file contents: yields the events without `data`, one batch a
 * read. An archive of a few large files takes a few small reads, whatever its size.
 *
 * @throws NarError as `parseNar` does; errors of the source pass through unchanged
 */
export async function* skimNar(
  source: RandomAccess,
  options: Omit<NarParserOptions, 'contents'> = {},
): AsyncGenerator<readonly ParsedNarEvent[], void, undefined> {
  const parser = new NarParser({ ...options, contents: 'skip' });
  const isComplete = (): boolean =>
    parser.done && options.trailing === 'ignore';
  let position = 0;
  while (position < source.size && !isComplete()) {
    const block = await source.read(
      position,
      Math.min(BLOCK_BYTES, source.size - position),
    );
    if (block.length === 0) break;
    const events = parser.push(block);
    position += block.length;
    const skipped = Math.min(parser.contentsLeft, source.size - position);
    parser.skip(skipped);
    position += skipped;
    if (events.length > 0) yield events;
  }
  parser.finish();
}
