import { describe, expect, it } from '@jest/globals';
import { parseDuration } from '../src/duration.ts';
import { parseSize } from '../src/size.ts';

describe('a time', () => {
  it.each([
    ['90s', 90_000],
    ['1.5h', 5_400_000],
    ['30d', 2_592_000_000],
  ])('of %s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '5', 'd', '-1d', '1y', '99999999999d'])('is not %p', (text) => {
    expect(() => parseDuration(text)).toThrow(
      expect.objectContaining({ code: 'cli/usage' }),
    );
  });
});

describe('a size', () => {
  it.each([
    ['0', 0],
    ['20G', 20 * 1024 ** 3],
    ['1.5KiB', 1536],
  ])('of %s is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', 'G', '-1', '1X', '9999P', '9'.repeat(400)])(
    'is not %p',
    (text) => {
      expect(() => parseSize(text)).toThrow(
        expect.objectContaining({ code: 'cli/usage' }),
      );
    },
  );
});
