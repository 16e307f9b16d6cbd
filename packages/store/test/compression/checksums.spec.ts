import { describe, expect, it } from '@jest/globals';
import { Crc64 } from '../../src/compression/crc64.ts';
import { XxHash32 } from '../../src/compression/xxhash32.ts';
import { XxHash64 } from '../../src/compression/xxhash64.ts';
import { utf8 } from '../fixtures.ts';

/** What the reference implementations print: xxHash 0.8 for two of them, xz 5.4 for the other. */
const VECTORS: readonly (readonly [
  text: string,
  xxh32: number,
  xxh64: bigint,
  crc64: string,
])[] = [
  ['', 0x02cc5d05, 0xef46db3751d8e999n, '0000000000000000'],
  ['a', 0x550d7456, 0xd24ec4f1a98c6e5bn, '330284772e652b05'],
  ['abc', 0x32d153ff, 0x44bc2cf5ad770999n, '2cd8094a1a277627'],
  ['123456789', 0x937bad67, 0x8cb841db40e6ae83n, '995dc9bbdf1939fa'],
  [
    'Nobody inspects the spammish repetition',
    0xe2293b2f,
    0xfbcea83c8a378bf1n,
    '44732e3c26165f27',
  ],
];

describe('checksums of compressed files', () => {
  for (const [text, xxh32, xxh64, crc64] of VECTORS) {
    it(`of ${JSON.stringify(text)} are known, however the bytes come`, () => {
      for (const length of [1, 3, 7, 40]) {
        const [a, b, c] = [new XxHash32(), new XxHash64(), new Crc64()];
        for (let at = 0; at < text.length; at += length) {
          const piece = utf8(text.slice(at, at + length));
          for (const checksum of [a, b, c]) checksum.update(piece);
        }
        expect(a.digest()).toBe(xxh32);
        expect(b.digest()).toBe(xxh64);
        expect(Buffer.from(c.digest()).reverse().toString('hex')).toBe(crc64);
      }
    });
  }
});
