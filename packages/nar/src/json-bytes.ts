import { ascii } from './ascii.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const HEX = /* @__PURE__ */ ascii('0123456789abcdef');
/** The characters that have a short escape, at their own code: `\t`, `\n`, `\r`, `\"`, `\\`. */
const SHORT_ESCAPES: Readonly<Record<number, number>> = {
  0x09: 0x74,
  0x0a: 0x6e,
  0x0d: 0x72,
  0x22: 0x22,
  0x5c: 0x5c,
};

/** The most bytes that one byte of a string can become in JSON: `\uXXXX`. */
export const MAX_ESCAPED_BYTES = 6;

/**
 * Writes the inside of a JSON string and returns the end of what it wrote. Escapes are those of Nix: `\"`, `\\`, `\n`,
 * `\r`, `\t`, `\u00XX` (lower-case) for the other controls, nothing else.
 *
 * Names are bytes and JSON is UTF-8: a byte XX that is part of no UTF-8 sequence becomes the lone surrogate `\udcXX`, as
 * Python's `surrogateescape` does. The text stays valid JSON, distinct names stay distinct, and the bytes can be had back.
 */
export function writeJsonString(
  source: Uint8Array,
  into: Uint8Array,
  at: number,
): number {
  for (let i = 0; i < source.length; i++) {
    const byte = source[i] as number;
    if (byte >= 0x80) {
      const length = utf8SequenceLength(source, i);
      if (length === 0) {
        at = writeEscape(into, at, 0xdc, byte);
      } else {
        for (const end = i + length; i < end; i++)
          into[at++] = source[i] as number;
        i--;
      }
    } else if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) {
      into[at++] = byte;
    } else {
      const short = SHORT_ESCAPES[byte];
      if (short === undefined) {
        at = writeEscape(into, at, 0, byte);
      } else {
        into[at++] = BACKSLASH;
        into[at++] = short;
      }
    }
  }
  return at;
}

function writeEscape(
  into: Uint8Array,
  at: number,
  high: number,
  low: number,
): number {
  into[at] = BACKSLASH;
  into[at + 1] = 0x75;
  into[at + 2] = HEX[high >> 4] as number;
  into[at + 3] = HEX[high & 15] as number;
  into[at + 4] = HEX[low >> 4] as number;
  into[at + 5] = HEX[low & 15] as number;
  return at + 6;
}

/** Length of the well-formed UTF-8 sequence of two to four bytes at `at`; 0 if there is none. */
function utf8SequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  const second = bytes[at + 1] ?? 0;
  if (first >= 0xc2 && first <= 0xdf) return isContinuation(second) ? 2 : 0;
  // Overlong forms, surrogates and code points beyond U+10FFFF all show in the second byte.
  if (first >= 0xe0 && first <= 0xef) {
    const isInRange =
      (first !== 0xe0 || second >= 0xa0) && (first !== 0xed || second <= 0x9f);
    return isInRange && isContinuation(second) && isContinuation(bytes[at + 2])
      ? 3
      : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const isInRange =
      (first !== 0xf0 || second >= 0x90) && (first !== 0xf4 || second <= 0x8f);
    const hasTail =
      isContinuation(bytes[at + 2]) && isContinuation(bytes[at + 3]);
    return isInRange && isContinuation(second) && hasTail ? 4 : 0;
  }
  return 0;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
