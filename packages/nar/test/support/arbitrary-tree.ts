import * as fc from 'fast-check';
import { compareBytes } from '../../src/constraints.ts';
import { bytesOf, type Tree } from './tree.ts';

/** Runs a property with a seed that its failure, and the log, tell; `FAST_CHECK_SEED` repeats a run. */
export function check<Inputs>(
  property: fc.IProperty<Inputs>,
  numRuns = 200,
): void {
  const seed = Number(
    process.env['FAST_CHECK_SEED'] ?? Date.now() & 0x7fffffff,
  );
  process.stdout.write(`fast-check seed ${seed}\n`);
  fc.assert(property, { seed, numRuns });
}

const byteString = (
  constraints: fc.IntArrayConstraints,
): fc.Arbitrary<string> =>
  fc
    .uint8Array({ min: 1, ...constraints })
    .map((bytes) => String.fromCharCode(...bytes));

const entryName = byteString({ minLength: 1, maxLength: 20 }).filter(
  (name) => name !== '.' && name !== '..' && !name.includes('/'),
);

/** Any tree that an archive can hold, a few levels deep; its entries are sorted. */
export const arbitraryTree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree }>(
  (tie) => ({
    tree: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.record({
        file: fc.uint8Array({ maxLength: 40 }),
        executable: fc.boolean(),
      }),
      byteString({ minLength: 1, maxLength: 30 }).map((link) => ({ link })),
      fc.dictionary(entryName, tie('tree'), { maxKeys: 4 }).map((children) => ({
        entries: Object.entries(children).sort(([a], [b]) =>
          compareBytes(bytesOf(a), bytesOf(b)),
        ),
      })),
    ),
  }),
).tree;
