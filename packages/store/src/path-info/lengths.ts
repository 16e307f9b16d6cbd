import { StoreError } from '../errors.ts';
import { OUTPUT_HASH_BYTES } from './output-hash.ts';

/** The length of a SHA-256 digest in bytes. */
export const SHA256_BYTES = 32;

/** @throws StoreError `store/invalid-reference-length` */
export function assertReference(reference: Uint8Array, index: number): void {
  if (reference.length !== OUTPUT_HASH_BYTES) {
    throw new StoreError(
      'store/invalid-reference-length',
      `reference ${index} is ${reference.length} bytes long, expected ${OUTPUT_HASH_BYTES}`,
      { details: { index, length: reference.length } },
    );
  }
}

/** @throws StoreError `store/invalid-nar-sha256-length` */
export function assertNarSha256(digest: Uint8Array): void {
  if (digest.length !== SHA256_BYTES) {
    throw new StoreError(
      'store/invalid-nar-sha256-length',
      `the NAR's SHA-256 is ${digest.length} bytes long, expected ${SHA256_BYTES}`,
      { details: { length: digest.length } },
    );
  }
}
