import { NarError } from './errors.ts';

const ALPHABET = '0123456789abcdfghijklmnpqrsvwxyz';
const INVALID = 0xff;

/** The value of each ASCII character, or {@link INVALID}. */
const VALUES: Uint8Array = /* @__PURE__ */ (() => {
  const values = new Uint8Array(128).fill(INVALID);
  for (let i = 0; i < ALPHABET.length; i++) values[ALPHABET.charCodeAt(i)] = i;
  return values;
})();

/** How many characters `bytes` bytes take: 16 take 26, 20 take 32, 32 take 52, 64 take 103. */
export function nixBase32Length(bytes: number): number {
  return Math.ceil((bytes * 8) / 5);
}

/**
 * Encodes bytes in Nix's base 32: the bytes as one little-endian number, five bits a digit, the highest digit first, in
 * an alphabet without e, o, t and u.
 */
export function encodeNixBase32(bytes: Uint8Array): string {
  let text = '';
  for (let digit = nixBase32Length(bytes.length) - 1; digit >= 0; digit--) {
    const bit = digit * 5;
    const at = bit >> 3;
    const pair = (bytes[at] as number) | ((bytes[at + 1] ?? 0) << 8);
    text += ALPHABET[(pair >> (bit & 7)) & 31];
  }
  return text;
}

/**
 * Decodes {@link encodeNixBase32}'s text, and nothing else.
 *
 * @throws NarError `nar/invalid-base32` with the reason `InvalidLength` (no number of bytes takes that many characters, or
 *   not the `expectedBytes`), `InvalidCharacter` (upper case included) or `NonZeroPadding`
 */
export function decodeNixBase32(
  text: string,
  expectedBytes?: number,
): Uint8Array {
  const length = Math.floor((text.length * 5) / 8);
  if (
    nixBase32Length(length) !== text.length ||
    (expectedBytes !== undefined && length !== expectedBytes)
  ) {
    throw new NarError(
      'nar/invalid-base32',
      `${text.length} characters of nixbase32 do not encode ${expectedBytes ?? 'whole'} bytes`,
      {
        details: { reason: 'InvalidLength' },
      },
    );
  }
  const bytes = new Uint8Array(length);
  for (let digit = 0; digit < text.length; digit++) {
    const position = text.length - 1 - digit;
    const value = VALUES[text.charCodeAt(position)] ?? INVALID;
    if (value === INVALID) {
      throw new NarError(
        'nar/invalid-base32',
        `character ${position} of "${text}" is not nixbase32`,
        {
          details: { reason: 'InvalidCharacter', position },
        },
      );
    }
    const bit = digit * 5;
    const at = bit >> 3;
    const pair = value << (bit & 7);
    bytes[at] = (bytes[at] as number) | (pair & 0xff);
    if (at + 1 < length) {
      bytes[at + 1] = pair >> 8;
    } else if (pair >> 8 !== 0) {
      throw new NarError(
        'nar/invalid-base32',
        `"${text}" has bits beyond its last byte`,
        {
          details: { reason: 'NonZeroPadding', position },
        },
      );
    }
  }
  return bytes;
}
