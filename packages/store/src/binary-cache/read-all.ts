import { StoreError } from '../errors.ts';

/**
 * A short body whole.
 *
 * @throws StoreError `store/limit-exceeded` as soon as it is longer than `maxBytes`; errors of the body unchanged
 */
export async function readAll(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > maxBytes) {
      throw new StoreError(
        'store/limit-exceeded',
        `longer than ${maxBytes} bytes`,
        { details: { limit: maxBytes } },
      );
    }
    pieces.push(piece);
  }
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, length);
}
