import { StoreError } from '../errors.ts';
import { Expansion } from './bounded.ts';
import type { Compression } from './compression.ts';
import { decompress } from './decompress.ts';

const CODINGS: ReadonlyMap<string, Compression> = new Map([
  ['identity', 'none'],
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['br', 'br'],
  ['zstd', 'zstd'],
  ['xz', 'xz'],
  ['bzip2', 'bzip2'],
]);

/**
 * A body without its `Content-Encoding`.
 *
 * @throws StoreError `store/unsupported-compression`, and as `decompress` and {@link Expansion}
 */
export function decodeContent(
  coding: string | undefined,
  body: AsyncIterable<Uint8Array>,
  { maxBytes }: { readonly maxBytes: number },
): AsyncIterable<Uint8Array> {
  if (coding === undefined || coding === '') return body;
  const compression = CODINGS.get(coding.toLowerCase());
  if (compression === undefined) {
    throw new StoreError(
      'store/unsupported-compression',
      `unknown content encoding ${JSON.stringify(coding)}`,
      { details: { coding } },
    );
  }
  const expansion = new Expansion({ maxBytes, maxRatio: Infinity });
  return expansion.bounded(decompress(compression, expansion.counted(body)));
}
