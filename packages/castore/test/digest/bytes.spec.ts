import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compareBytes } from '../../src/digest/bytes.ts';

describe('the order of byte strings', () => {
  it('is that of memcmp, a prefix before what it begins', () => {
    // What two strings have in common is often longer than what is compared without native code.
    const strings = fc
      .tuple(
        fc.uint8Array({ maxLength: 40 }),
        fc.uint8Array({ maxLength: 4 }),
        fc.uint8Array({ maxLength: 4 }),
      )
      .map(([common, a, b]) => [
        Buffer.concat([common, a]),
        Buffer.concat([common, b]),
      ]);
    fc.assert(
      fc.property(strings, ([a, b]) => {
        expect(Math.sign(compareBytes(a!, b!))).toBe(Buffer.compare(a!, b!));
      }),
      { numRuns: 1000, verbose: 1 },
    );
  });
});
