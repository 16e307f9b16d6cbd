import { CastoreError } from '../errors.ts';
import { quoteBytes } from '../path/path-component.ts';

declare const brand: unique symbol;

/** Where a symbolic link points: any bytes but NUL, not empty. */
export type SymlinkTarget = Uint8Array & { readonly [brand]: 'SymlinkTarget' };

/** Whether bytes may stand as the target of a symbolic link. */
export function isSymlinkTarget(bytes: Uint8Array): bytes is SymlinkTarget {
  return bytes.length > 0 && !bytes.includes(0);
}

/**
 * Takes bytes, or the UTF-8 of a string, as a target. The bytes are kept: nobody may change them afterwards.
 *
 * @throws CastoreError `castore/invalid-symlink-target`
 */
export function symlinkTarget(target: Uint8Array | string): SymlinkTarget {
  const bytes =
    typeof target === 'string' ? new TextEncoder().encode(target) : target;
  if (!isSymlinkTarget(bytes)) {
    throw new CastoreError(
      'castore/invalid-symlink-target',
      `not a valid symlink target: ${quoteBytes(bytes)}`,
      {
        details: { target: bytes },
      },
    );
  }
  return bytes;
}
