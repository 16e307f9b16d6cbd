/**
 * The wire format of an archive. Everything is a string: its length as an unsigned 64-bit little-endian integer, its
 * bytes, then zero bytes up to the next multiple of eight. Keywords always come in the same runs, so that each run is
 * one constant here, compared and copied as a whole.
 */

/** The number of zero bytes (0 to 7) that follow a string of `length` bytes. */
export function paddingOf(length: number): number {
  return (8 - (length % 8)) % 8;
}

/** A string of `length` bytes with its padding, without its length field. */
export function paddedLength(length: number): number {
  return length + paddingOf(length);
}

function keywords(...words: readonly string[]): Uint8Array {
  const bytes = new Uint8Array(
    words.reduce((sum, word) => sum + 8 + paddedLength(word.length), 0),
  );
  let at = 0;
  for (const word of words) {
    bytes[at] = word.length;
    for (let i = 0; i < word.length; i++)
      bytes[at + 8 + i] = word.charCodeAt(i);
    at += 8 + paddedLength(word.length);
  }
  return bytes;
}

/** `nix-archive-1 ( type`, 56 bytes. */
export const ARCHIVE_START: Uint8Array = /* @__PURE__ */ keywords(
  'nix-archive-1',
  '(',
  'type',
);
/** `node ( type`, 48 bytes. */
export const NODE_START: Uint8Array = /* @__PURE__ */ keywords(
  'node',
  '(',
  'type',
);
/** `)`, 16 bytes: closes a node, and once more the entry around it. */
export const CLOSE: Uint8Array = /* @__PURE__ */ keywords(')');
/** `directory`, 24 bytes. */
export const DIRECTORY: Uint8Array = /* @__PURE__ */ keywords('directory');
/** `symlink target`, 32 bytes. */
export const SYMLINK: Uint8Array = /* @__PURE__ */ keywords(
  'symlink',
  'target',
);
/** `regular contents`, 32 bytes. */
export const REGULAR: Uint8Array = /* @__PURE__ */ keywords(
  'regular',
  'contents',
);
/** `regular executable "" contents`, 64 bytes. */
export const EXECUTABLE: Uint8Array = /* @__PURE__ */ keywords(
  'regular',
  'executable',
  '',
  'contents',
);
/** `entry ( name`, 48 bytes. */
export const ENTRY_START: Uint8Array = /* @__PURE__ */ keywords(
  'entry',
  '(',
  'name',
);

/** Whether `bytes` from `at` on equal `expected` from `from` up to `to`. */
export function matches(
  bytes: Uint8Array,
  at: number,
  expected: Uint8Array,
  from: number = 0,
  to: number = expected.length,
): boolean {
  for (let i = from; i < to; i++) {
    if (bytes[at + i - from] !== expected[i]) return false;
  }
  return true;
}

/** The unsigned 32-bit little-endian integer at `at`. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

/** Stores `value` at `at` as an unsigned 32-bit little-endian integer. */
export function writeUint32(
  bytes: Uint8Array,
  at: number,
  value: number,
): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
