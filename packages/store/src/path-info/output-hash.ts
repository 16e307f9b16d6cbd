import { StoreError } from '../errors.ts';

/** The length of an output hash, the raw digest of a store path, in bytes. */
export const OUTPUT_HASH_BYTES = 20;

/**
 * Refuses what can't be an output hash.
 *
 * @throws StoreError `store/invalid-output-hash-length`
 */
export function assertOutputHash(bytes: Uint8Array): void {
  if (bytes.length !== OUTPUT_HASH_BYTES) {
    throw new StoreError(
      'store/invalid-output-hash-length',
      `an output hash is ${OUTPUT_HASH_BYTES} bytes long, found ${bytes.length}`,
      { details: { length: bytes.length } },
    );
  }
}

/** A string that is equal for equal hashes and sorts as the bytes do, one character a byte. */
export function outputHashKey(outputHash: Uint8Array): string {
  const { buffer, byteOffset, length } = outputHash;
  return Buffer.from(buffer, byteOffset, length).toString('latin1');
}
