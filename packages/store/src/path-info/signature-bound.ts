import { StoreError } from '../errors.ts';
import type { PathSignature } from './path-nar-info.ts';

/**
 * So many signatures may an upload leave at a path or a realisation. The server adds its own all the same, and valid ones
 * by keys that it trusts don't count.
 */
export const MAX_SIGNATURES = 64;
/** Characters of the name of a key. */
const MAX_KEY_NAME_LENGTH = 255;

/**
 * Holds what clients add up to its bound. Whoever comes too late is refused: to make room, others would lose what they
 * rely on.
 *
 * @throws StoreError `store/limit-exceeded`
 */
export function assertFewSignatures(
  signatures: readonly PathSignature[],
  limit: number = MAX_SIGNATURES,
): void {
  assertSignatureCount(signatures.length, limit);
  for (const { name } of signatures) {
    if (name.length > MAX_KEY_NAME_LENGTH)
      throw exceeded(
        `the name of a key has more than ${MAX_KEY_NAME_LENGTH} characters`,
        MAX_KEY_NAME_LENGTH,
      );
  }
}

/** As {@link assertFewSignatures}, of signatures in another form. */
export function assertSignatureCount(
  count: number,
  limit: number = MAX_SIGNATURES,
): void {
  if (count > limit) throw exceeded(`more than ${limit} signatures`, limit);
}

function exceeded(what: string, limit: number): StoreError {
  return new StoreError('store/limit-exceeded', what, { details: { limit } });
}
