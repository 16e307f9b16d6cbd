import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { jsonText } from '../src/json-text.ts';

/** Python's `surrogateescape`, backwards. */
function bytesOf(text: string): Buffer {
  return Buffer.concat(
    [...text].map((character) => {
      const code = character.codePointAt(0)!;
      return code >= 0xdc80 && code <= 0xdcff
        ? Buffer.from([code & 0xff])
        : Buffer.from(character);
    }),
  );
}

describe('bytes in JSON', () => {
  it('are their text where they are UTF-8', () => {
    expect(jsonText(Buffer.from('grün 🐧'))).toBe('grün 🐧');
  });

  it('show each byte that is no UTF-8 as the escape \\udcXX', () => {
    expect(JSON.stringify(jsonText(Buffer.from([0x61, 0xff, 0x62])))).toBe(
      '"a\\udcffb"',
    );
    expect(JSON.stringify(jsonText(Buffer.from([0xe2, 0x82])))).toBe(
      '"\\udce2\\udc82"',
    );
  });

  it('can be had back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const text = JSON.parse(JSON.stringify(jsonText(bytes))) as string;
        expect(bytesOf(text)).toEqual(Buffer.from(bytes));
      }),
    );
  });
});
