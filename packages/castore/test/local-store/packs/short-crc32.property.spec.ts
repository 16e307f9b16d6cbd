import { crc32 } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { shortCrc32 } from '../../../src/local-store/packs/short-crc32.ts';

describe('shortCrc32', () => {
  it('is what zlib computes, for any part and whatever came before', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 100 }),
        fc.nat(100),
        fc.nat(100),
        fc.uint8Array({ maxLength: 40 }),
        (bytes, start, length, before) => {
          const end = Math.min(bytes.length, start + length);
          const part = bytes.subarray(start, end);
          const previous = crc32(before);
          // The binding answers 0 for no bytes.
          const expected = part.length > 0 ? crc32(part, previous) : previous;
          expect(shortCrc32(bytes, start, end, previous)).toBe(expected);
        },
      ),
    );
  });
});
