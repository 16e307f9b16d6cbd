import { describe, expect, it } from '@jest/globals';
import { type HashAlgo, isHashAlgo, NixHash } from '../src/nix-hash.ts';
import { vectors } from './support/fixtures.ts';
import { narErrorOf } from './support/outcome.ts';

type Row = { algo: HashAlgo; hex: string; nixbase32: string; base64: string };
const { digests } = vectors<{ digests: Row[] }>('hashes');
const ENCODINGS = ['hex', 'nixbase32', 'base64'] as const;
const spellings = digests.flatMap((row) =>
  ENCODINGS.map((encoding) => ({ ...row, encoding, text: row[encoding] })),
);
const [sha256] = digests.filter(({ algo }) => algo === 'sha256') as [Row];

function reasonOf(text: string, algo?: HashAlgo): string | undefined {
  const error = narErrorOf(() => NixHash.parse(text, algo));
  expect(error.code).toBe('nar/invalid-hash');
  return error.details.reason;
}

describe('NixHash', () => {
  it.each(spellings)(
    'reads and writes $algo in $encoding',
    ({ algo, hex, encoding, text }) => {
      const digest = Uint8Array.from(Buffer.from(hex, 'hex'));
      for (const separator of [':', '-']) {
        for (const external of [undefined, algo]) {
          const hash = NixHash.parse(algo + separator + text, external);
          expect([hash.algo, hash.digest]).toEqual([algo, digest]);
        }
      }
      expect(NixHash.parse(text, algo).digest).toEqual(digest);
      expect(NixHash.from(algo, digest).format(encoding)).toBe(
        `${algo}:${text}`,
      );
    },
  );

  it.each(digests)(
    'writes $algo for subresource integrity',
    ({ algo, hex, base64 }) => {
      expect(NixHash.from(algo, Buffer.from(hex, 'hex')).toSri()).toBe(
        `${algo}-${base64}`,
      );
    },
  );

  it.each(spellings)(
    'refuses bare $algo in $encoding without its algorithm',
    ({ text }) => {
      expect(reasonOf(text)).toBe('MissingInlineHashAlgo');
    },
  );

  it('reads unpadded base64 in SRI only', () => {
    const text = 'fgIr3TyFGDAXP5+qoAaiMKDg/a1MlT6Fv/S/DaA24S8';
    const hex =
      '7e022bdd3c851830173f9faaa006a230a0e0fdad4c953e85bff4bf0da036e12f';
    for (const algo of [undefined, 'sha256'] as const) {
      expect(NixHash.parse(`sha256-${text}`, algo).format('hex')).toBe(
        `sha256:${hex}`,
      );
    }
    expect(reasonOf(text, 'sha256')).toBe('InvalidEncodedDigestLength');
    expect(reasonOf(`sha256:${text}`)).toBe('InvalidEncodedDigestLength');
  });

  it.each([
    [
      'sha256-pc6cFV7Qk5dhRkbJcX/HzZSxAj17drYY1Ank',
      'InvalidEncodedDigestLength',
    ],
    [
      'sha384-o4UVSl89mIB0sFUK+3jQbG+C9Zc9dRlV/Xd3KAvXEbhqxu0J5OAdg6b6VHKHwQ7U',
      'InvalidAlgo',
    ],
    ['sha256-invalid=base64', 'InvalidEncodedDigestLength'],
    [
      `sha256-${sha256.base64} sha256-${sha256.base64}`,
      'InvalidEncodedDigestLength',
    ],
    [`sha256-${sha256.base64}\n`, 'InvalidEncodedDigestLength'],
    [`sha256:${sha256.hex.toUpperCase()}`, 'InvalidEncoding'],
    [`sha256:${sha256.nixbase32.replace('0', 'e')}`, 'InvalidEncoding'],
    [`sha256:${sha256.base64.replace('=', 'A')}`, 'InvalidEncoding'],
    [`SHA256:${sha256.hex}`, 'InvalidAlgo'],
    [`constructor:${sha256.hex}`, 'InvalidAlgo'],
    [`:${sha256.hex}`, 'InvalidAlgo'],
  ])('refuses %j as %s', (text, reason) => {
    expect(reasonOf(text)).toBe(reason);
  });

  it('refuses another algorithm than the expected one', () => {
    expect(reasonOf(`sha256:${sha256.hex}`, 'sha512')).toBe(
      'ConflictingHashAlgos',
    );
  });

  it('holds no digest of a wrong length', () => {
    const error = narErrorOf(() => NixHash.from('sha1', new Uint8Array(32)));
    expect(error.details.reason).toBe('InvalidDigestLength');
    expect(
      narErrorOf(() => NixHash.from('sha3' as HashAlgo, new Uint8Array(32)))
        .details.reason,
    ).toBe('InvalidAlgo');
  });

  it('equals a hash of the same algorithm and digest only', () => {
    const hash = NixHash.from('md5', new Uint8Array(16));
    expect(hash.equals(NixHash.from('md5', new Uint8Array(16)))).toBe(true);
    expect(hash.equals(NixHash.from('md5', new Uint8Array(16).fill(1)))).toBe(
      false,
    );
    expect(hash.equals(NixHash.from('sha1', new Uint8Array(20)))).toBe(false);
  });

  it('knows four algorithms', () => {
    expect(
      ['md5', 'sha1', 'sha256', 'sha512', 'sha384', 'toString'].map(isHashAlgo),
    ).toEqual([true, true, true, true, false, false]);
  });
});
