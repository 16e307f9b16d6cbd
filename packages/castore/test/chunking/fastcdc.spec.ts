import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ChunkCutter } from '../../src/chunking/fastcdc.ts';
import { DEFAULT_CHUNKING } from '../../src/chunking/parameters.ts';
import { hashBytes } from '../../src/digest/hasher.ts';
import { randomBytes } from '../blob-service/random-bytes.ts';

const small = {
  algorithm: 'fastcdc-2020',
  minBytes: 256,
  averageBytes: 512,
  maxBytes: 1024,
} as const;

function cuts(bytes: Uint8Array, parameters = DEFAULT_CHUNKING): number[] {
  const cutter = new ChunkCutter(parameters);
  const lengths: number[] = [];
  for (let at = 0; at < bytes.length; at += lengths.at(-1)!)
    lengths.push(cutter.cut(bytes.subarray(at)));
  return lengths;
}

describe('ChunkCutter', () => {
  it('cuts where it always cut', () => {
    // Computed by another program from the description. The name of the algorithm stands for these cuts: others would
    // lose all deduplication with what is stored.
    const lengths = cuts(randomBytes(4_000_000, 1));
    expect(lengths).toEqual([
      419115, 340187, 357608, 304776, 289329, 443630, 268719, 344489, 151718,
      320144, 363541, 353685, 43059,
    ]);
    expect(
      hashBytes(
        Buffer.from(cuts(randomBytes(50_000, 2), small).join()),
      ).toHex(),
    ).toBe('afdb799647b324b7d75d58af91d020478aa29b90c0e6d47dd3d1db098d9f1f12');
  });

  it('keeps every chunk between the minimum and the maximum, but the last', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(20_000), (seed, length) => {
        const lengths = cuts(randomBytes(length, seed), small);
        expect(lengths.reduce((sum, n) => sum + n, 0)).toBe(length);
        for (const [i, n] of lengths.entries()) {
          expect(n).toBeLessThanOrEqual(small.maxBytes);
          if (i < lengths.length - 1) expect(n).toBeGreaterThan(small.minBytes);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('cuts by contents: a maximum of bytes tells as much as all of them', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const bytes = randomBytes(5000, seed);
        const cutter = new ChunkCutter(small);
        expect(cutter.cut(bytes.subarray(0, small.maxBytes))).toBe(
          cutter.cut(bytes),
        );
      }),
      { numRuns: 100 },
    );
  });

  it('finds its way back behind an insertion', () => {
    const bytes = randomBytes(100_000, 3);
    const ends = (lengths: number[]): Set<number> => {
      let at = 0;
      return new Set(lengths.map((n) => (at += n)));
    };
    const before = ends(cuts(bytes, small));
    const inserted = Buffer.concat([randomBytes(77, 4), bytes]);
    const after = [...ends(cuts(inserted, small))].filter((end) =>
      before.has(end - 77),
    );
    expect(after.length).toBeGreaterThan(0.95 * before.size);
  });

  it('cuts bytes without any variety at the maximum', () => {
    expect(cuts(Buffer.alloc(2048, 7), small)).toEqual([1024, 1024]);
  });
});
