import { describe, expect, it } from '@jest/globals';
import {
  decodeNixBase32,
  encodeNixBase32,
  nixBase32Length,
} from '../src/nixbase32.ts';
import { vectors } from './support/fixtures.ts';
import { narErrorOf } from './support/outcome.ts';

const { nixbase32: rows } = vectors<{
  nixbase32: { nixbase32: string; hex: string }[];
}>('hashes');

describe('nixbase32', () => {
  it.each(rows)(
    'encodes $hex as "$nixbase32" and back',
    ({ nixbase32, hex }) => {
      const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
      expect(encodeNixBase32(bytes)).toBe(nixbase32);
      expect(decodeNixBase32(nixbase32)).toEqual(bytes);
    },
  );

  it.each([
    [16, 26],
    [20, 32],
    [32, 52],
    [64, 103],
  ])('takes %i bytes to %i characters', (bytes, characters) => {
    expect(nixBase32Length(bytes)).toBe(characters);
  });

  it.each([
    ['zz', 'NonZeroPadding'],
    ['c0', 'NonZeroPadding'],
    ['0', 'InvalidLength'],
    ['000', 'InvalidLength'],
    ['000000', 'InvalidLength'],
    ['0e', 'InvalidCharacter'],
    ['0A', 'InvalidCharacter'],
    ['0ü', 'InvalidCharacter'],
    ['0\u0130', 'InvalidCharacter'],
  ])('refuses "%s" for its %s', (text, reason) => {
    const error = narErrorOf(() => decodeNixBase32(text));
    expect(error.code).toBe('nar/invalid-base32');
    expect(error.details.reason).toBe(reason);
  });

  it('refuses another length than the expected one', () => {
    expect(narErrorOf(() => decodeNixBase32('00', 32)).details.reason).toBe(
      'InvalidLength',
    );
  });
});
