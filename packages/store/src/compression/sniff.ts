import type { Compression } from './compression.ts';
import { rejoined } from './rejoined.ts';

/**
 * Whether a file is gzip or not compressed, by its first two bytes, and the file with nothing taken from it: Nix gives
 * both the same name.
 */
export async function sniffGzip(
  source: AsyncIterable<Uint8Array>,
): Promise<[Extract<Compression, 'gzip' | 'none'>, AsyncIterable<Uint8Array>]> {
  const pieces = source[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < 2) {
    const { done, value } = await pieces.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  return [isGzip ? 'gzip' : 'none', rejoined([head], pieces)];
}
