import { describe, expect, it } from '@jest/globals';
import { encodeNixBase32 } from '@tvix/nar';
import { referrersFirst } from '../../src/local-care/referrers-first.ts';

/** Orders paths that are named by numbers, each with the numbers of those it refers to. */
function ordered(paths: readonly (readonly [number, ...number[]])[]): number[] {
  const hashOf = (number: number) => new Uint8Array(20).fill(number);
  return referrersFirst(
    paths.map(([number, ...references]) => ({
      outputHash: hashOf(number),
      references: references.map((to) => encodeNixBase32(hashOf(to))),
    })),
  ).map(({ outputHash }) => outputHash[0]!);
}

describe('referrersFirst', () => {
  it('has each path before those that it refers to', () => {
    expect(ordered([[1], [2, 1], [3, 2, 1], [4, 1], [5]])).toEqual([
      3, 4, 5, 2, 1,
    ]);
  });

  it('knows that a path may refer to itself, twice to another, and to some that stay', () => {
    expect(
      ordered([
        [1, 1],
        [2, 1, 1, 9],
      ]),
    ).toEqual([2, 1]);
  });

  it('has all paths of a circle, too, and those below it', () => {
    const found = ordered([[1], [2, 3, 1], [3, 2], [4, 2]]);
    expect(found[0]).toBe(4);
    expect(found.sort()).toEqual([1, 2, 3, 4]);
  });
});
