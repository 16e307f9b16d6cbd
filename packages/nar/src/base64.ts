import { NarError } from './errors.ts';

const ALPHABET =
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

const VALUES: ReadonlyMap<string, number> = /* @__PURE__ */ new Map(
  /* @__PURE__ */ Array.from(
    ALPHABET,
    (character, value) => [character, value] as const,
  ),
);

/** How many characters `bytes` bytes take, padding included. */
export function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/** Encodes bytes in standard base64 with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const triple =
      ((bytes[at] as number) << 16) |
      ((bytes[at + 1] ?? 0) << 8) |
      (bytes[at + 2] ?? 0);
    const digits = Math.min(bytes.length - at, 3) + 1;
    for (let digit = 0; digit < 4; digit++) {
      text +=
        digit < digits ? ALPHABET[(triple >> (18 - 6 * digit)) & 63] : '=';
    }
  }
  return text;
}

/**
 * Decodes standard base64 in its one canonical form: padded, unused bits zero, no white space.
 *
 * @throws NarError `nar/invalid-base64`
 */
export function decodeBase64(text: string): Uint8Array {
  const digits = text.endsWith('==')
    ? text.length - 2
    : text.endsWith('=')
      ? text.length - 1
      : text.length;
  if (text.length % 4 !== 0 || digits % 4 === 1)
    throw new NarError('nar/invalid-base64', 'base64 has a wrong length');
  const bytes = new Uint8Array(Math.floor((digits * 3) / 4));
  let bits = 0;
  let pending = 0;
  let at = 0;
  for (let position = 0; position < digits; position++) {
    const value = VALUES.get(text[position] as string);
    if (value === undefined) {
      throw new NarError(
        'nar/invalid-base64',
        `character ${position} is not base64`,
        { details: { position } },
      );
    }
    bits = ((bits << 6) | value) & 0xffff;
    pending += 6;
    if (pending >= 8) {
      pending -= 8;
      bytes[at++] = bits >> pending;
    }
  }
  if ((bits & ((1 << pending) - 1)) !== 0)
    throw new NarError(
      'nar/invalid-base64',
      'base64 has bits beyond its last byte',
    );
  return bytes;
}
