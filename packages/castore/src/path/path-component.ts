import { CastoreError } from '../errors.ts';

declare const brand: unique symbol;

/** A name inside a directory: any bytes but NUL and `/`; not empty, `.` or `..`. */
export type PathComponent = Uint8Array & { readonly [brand]: 'PathComponent' };

const DOT = 0x2e;
const SLASH = 0x2f;

/** Whether bytes may stand as a name inside a directory. */
export function isPathComponent(bytes: Uint8Array): bytes is PathComponent {
  const { length } = bytes;
  if (length === 0) return false;
  if (bytes[0] === DOT && (length === 1 || (length === 2 && bytes[1] === DOT)))
    return false;
  for (let i = 0; i < length; i++)
    if (bytes[i] === 0 || bytes[i] === SLASH) return false;
  return true;
}

/**
 * Takes bytes, or the UTF-8 of a string, as a name. The bytes are kept: nobody may change them afterwards.
 *
 * @throws CastoreError `castore/invalid-name`
 */
export function pathComponent(name: Uint8Array | string): PathComponent {
  const bytes =
    typeof name === 'string' ? new TextEncoder().encode(name) : name;
  if (!isPathComponent(bytes)) {
    throw new CastoreError(
      'castore/invalid-name',
      `not a valid name: ${quoteBytes(bytes)}`,
      {
        details: { name: bytes },
      },
    );
  }
  return bytes;
}

/** Bytes for people: quoted, with everything that isn't printable UTF-8 escaped. */
export function quoteBytes(bytes: Uint8Array): string {
  try {
    return JSON.stringify(
      new TextDecoder('utf-8', { fatal: true }).decode(bytes),
    );
  } catch {
    const text = Array.from(bytes, (byte) =>
      byte >= 0x20 && byte < 0x7f
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, '0')}`,
    );
    return `"${text.join('')}"`;
  }
}
