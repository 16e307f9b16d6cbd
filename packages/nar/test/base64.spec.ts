import { describe, expect, it } from '@jest/globals';
import { base64Length, decodeBase64, encodeBase64 } from '../src/base64.ts';
import { narErrorOf } from './support/outcome.ts';

describe('base64', () => {
  it.each([
    '',
    'f',
    'fo',
    'foo',
    'foob',
    'fooba',
    'foobar',
    '\xff\xfe\xfb\xef',
  ])('encodes %j as Node does', (text) => {
    const bytes = Buffer.from(text, 'latin1');
    expect(encodeBase64(bytes)).toBe(bytes.toString('base64'));
    expect(decodeBase64(bytes.toString('base64'))).toEqual(
      Uint8Array.from(bytes),
    );
    expect(base64Length(bytes.length)).toBe(bytes.toString('base64').length);
  });

  it.each([
    'Zg',
    'Zg=',
    'Z===',
    '=',
    '====',
    'Zm9=v',
    'Zh==',
    'Zm9=',
    'Zm-v',
    'Zm9v\n',
    ' Zm9',
    'Zm9\u00e9',
  ])('refuses %j', (text) => {
    expect(narErrorOf(() => decodeBase64(text)).code).toBe(
      'nar/invalid-base64',
    );
  });
});
