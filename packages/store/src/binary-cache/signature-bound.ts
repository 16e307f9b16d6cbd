import { StoreError } from '../errors.ts';
import type { PathSignature } from '../path-info/path-nar-info.ts';

/** So many signatures may an upload leave at a path or a realisation. The server adds its own all the same. */
const MAX_SIGNATURES = 64;
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
): void {
  assertSignatureCount(signatures.length);
  for (const { name } of signatures) {
    if (name.length > MAX_KEY_NAME_LENGTH)
      throw exceeded(
        `the name of a key has more than ${MAX_KEY_NAME_LENGTH} characters`,
        MAX_KEY_NAME_LENGTH,
      );
  }
}

/** As {@link assertFewSignatures}, of signatures in another form. */
export function assertSignatureCount(count: number): void {
  if (count > MAX_SIGNATURES)
    throw exceeded(`more than ${MAX_SIGNATURES} signatures`, MAX_SIGNATURES);
}

function exceeded(what: string, limit: number): StoreError {
  return new StoreError('store/limit-exceeded', what, { details: { limit } });
}
