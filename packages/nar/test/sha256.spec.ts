import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { sha256 } from '../src/sha256.ts';

describe('sha256', () => {
  it('agrees with the platform on every length up to four blocks', () => {
    for (let length = 0; length <= 256; length++) {
      const message = Uint8Array.from(
        { length },
        (_, i) => (i * 7 + length) & 0xff,
      );
      expect(Buffer.from(sha256(message))).toEqual(
        createHash('sha256').update(message).digest(),
      );
    }
  });
});
