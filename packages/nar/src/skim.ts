import type { ParsedNarEvent } from './event.ts';
import { NarParser, type NarParserOptions } from './parse.ts';

/** Bytes that can be read at any position: a file, a blob, a range of an HTTP resource. */
export interface RandomAccess {
  /** How many bytes there are. */
  readonly size: number;
  /**
   * The bytes from `position` on: `length` of them, or fewer where they end or come in pieces; none only at the end. They
   * are used before the next read, so that one buffer may serve all reads.
   */
  read(position: number, length: number): Uint8Array | Promise<Uint8Array>;
}

/** A read after a jump: what lies between two large files fits. Reads grow while there is nothing to jump over. */
const MIN_BLOCK_BYTES = 4 * 1024;
const MAX_BLOCK_BYTES = 128 * 1024;
/** Jumping over less than this costs more than reading it. */
const MIN_JUMP_BYTES = 16 * 1024;

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
  let blockBytes = MIN_BLOCK_BYTES;
  while (position < source.size && !isComplete()) {
    const block = await source.read(
      position,
      Math.min(blockBytes, source.size - position),
    );
    if (block.length === 0) break;
    const events = parser.push(block);
    position += block.length;
    blockBytes = Math.min(2 * blockBytes, MAX_BLOCK_BYTES);
    const jump = Math.min(parser.contentsLeft, source.size - position);
    if (jump >= MIN_JUMP_BYTES) {
      parser.skip(jump);
      position += jump;
      blockBytes = MIN_BLOCK_BYTES;
    }
    if (events.length > 0) yield events;
  }
  parser.finish();
}
