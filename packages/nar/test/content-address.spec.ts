import { describe, expect, it } from '@jest/globals';
import {
  formatContentAddress,
  parseContentAddress,
} from '../src/content-address.ts';
import { narErrorOf } from './support/outcome.ts';

const MD5 = '1z0xcx93rdhqykj2s4jy44m1y4';
const SHA256 = '0fcxdvyzxr09shcbcxkv7l1b356dqxzp3ja68rhrg4yhbqarrkm5';

describe('content addresses', () => {
  it.each([
    [`text:sha256:${SHA256}`, 'text', 'sha256'],
    [`fixed:sha256:${SHA256}`, 'flat', 'sha256'],
    [`fixed:r:sha256:${SHA256}`, 'nar', 'sha256'],
    [`fixed:md5:${MD5}`, 'flat', 'md5'],
    [`fixed:r:md5:${MD5}`, 'nar', 'md5'],
  ])('read and write %s', (text, method, algo) => {
    const address = parseContentAddress(text);
    expect(address.method).toBe(method);
    expect(address.hash.algo).toBe(algo);
    expect(formatContentAddress(address)).toBe(text);
  });

  it.each([
    '',
    'fixed',
    `sha256:${SHA256}`,
    `text:md5:${MD5}`,
    `text:r:sha256:${SHA256}`,
    `fixed:r:r:sha256:${SHA256}`,
    `fixed:sha384:${SHA256}`,
    `fixed:md5:${SHA256}`,
    'fixed:md5:c4874a8897440b393d862d8fd459073f',
    'fixed:md5:xIdKiJdECzk9hi2P1FkHPw==',
    `fixed:md5:${MD5} `,
    `other:sha256:${SHA256}`,
  ])('refuse %j', (text) => {
    expect(narErrorOf(() => parseContentAddress(text)).code).toBe(
      'nar/invalid-content-address',
    );
  });
});
