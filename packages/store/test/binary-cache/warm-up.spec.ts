import { describe, expect, it } from '@jest/globals';
import { warmUp } from '../../src/binary-cache/warm-up.ts';

describe('what a daemon does before its first client', () => {
  it('gets a narinfo and a NAR of its own, as often as asked', async () => {
    await expect(warmUp()).resolves.toBeUndefined();
    await expect(warmUp()).resolves.toBeUndefined();
  });
});
