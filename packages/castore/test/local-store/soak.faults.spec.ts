import fs from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hashBytes } from '../../src/digest/hasher.ts';
import { RecordKind } from '../../src/local-store/packs/record.ts';
import { randomBytes } from '../blob-service/random-bytes.ts';
import { ClockedStore, fileNode } from './collect/clocked-store.ts';

interface Model {
  readonly records: Map<number, Uint8Array>;
  readonly table: Map<string, string>;
  /** Whose records a collection keeps. */
  readonly roots: Set<number>;
  wasRebuilt: boolean;
}

type Command = fc.AsyncCommand<Model, ClockedStore>;

const IS_FULL = process.env['TVIX_FAULTS'] === 'full';
const RUNS = IS_FULL ? 400 : 30;
const FEWEST_COMMANDS = IS_FULL ? 20_000 : 1000;
/** Longer than the grace of a collection. */
const HOURS = 25;

let executed = 0;

function contentOf(seed: number): Buffer {
  return seed % 3 === 0
    ? Buffer.from(`text ${seed} `.repeat(1 + seed * 3))
    : randomBytes(seed * 37, seed);
}

const command = (
  name: string,
  run: (model: Model, real: ClockedStore) => Promise<void>,
): Command => ({
  check: () => true,
  run: (model, real) => {
    executed += 1;
    return run(model, real);
  },
  toString: () => name,
});

const put = (seeds: number[]): Command =>
  command(`put(${seeds.join()})`, async (model, real) => {
    const contents = seeds.map(contentOf);
    await real.local.put(
      contents.map((bytes) => ({
        kind: RecordKind.chunk,
        key: hashBytes(bytes).bytes,
        bytes,
      })),
    );
    for (const [i, seed] of seeds.entries())
      model.records.set(seed, contents[i]!);
  });

const read = (seed: number): Command =>
  command(`read(${seed})`, async (model, real) => {
    const key = hashBytes(contentOf(seed)).bytes;
    const found = real.local.read(RecordKind.chunk, key);
    const expected = model.records.get(seed);
    // What was collected may lie in a pack still; an index made from the packs leads to it again.
    if (!model.wasRebuilt)
      expect(found === undefined).toBe(expected === undefined);
    if (expected !== undefined) expect(found).toBeDefined();
    if (found !== undefined)
      expect(Buffer.compare(found, contentOf(seed))).toBe(0);
  });

const set = (key: string, value: string): Command =>
  command(`set(${key}, ${value.length} bytes)`, async (model, real) => {
    const table = real.local.table('model');
    await table.put(Buffer.from(key), Buffer.from(value));
    model.table.set(key, value);
  });

const remove = (key: string): Command =>
  command(`remove(${key})`, async (model, real) => {
    const removed = await real.local.table('model').delete(Buffer.from(key));
    expect(removed).toBe(model.table.delete(key));
  });

const list = (): Command =>
  command('list()', async (model, real) => {
    const found: [string, string][] = [];
    for await (const [key, value] of real.local.table('model').entries())
      found.push([Buffer.from(key).toString(), Buffer.from(value).toString()]);
    expect(found).toEqual(
      [...model.table].sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  });

const reopen = (): Command =>
  command('reopen()', async (_, real) => void (await real.temporary.reopen()));

const rebuild = (): Command =>
  command('rebuild()', async (model, real) => {
    model.wasRebuilt = true;
    const { temporary } = real;
    await temporary.close();
    fs.rmSync(temporary.path('meta'), { recursive: true });
    await temporary.reopen();
  });

const root = (seed: number): Command =>
  command(`root(${seed})`, async (model) => {
    if (!model.roots.delete(seed)) model.roots.add(seed);
  });

const collect = (): Command =>
  command('collect()', async (model, real) => {
    const { records, roots } = model;
    // What a collection took and a rebuild brought back is kept where it is a root by now.
    if (model.wasRebuilt)
      for (const seed of roots)
        if (real.local.has(RecordKind.chunk, hashBytes(contentOf(seed)).bytes))
          records.set(seed, contentOf(seed));
    await real.passHours(HOURS);
    await real.collect(
      [...roots].map((seed) => {
        const bytes = contentOf(seed);
        return fileNode(hashBytes(bytes), bytes.length);
      }),
    );
    model.wasRebuilt = false;
    for (const seed of [...records.keys()])
      if (!roots.has(seed)) records.delete(seed);
  });

const seed = fc.nat(60);
const key = fc.constantFrom('a', 'b', 'c', 'd');
const value = fc.nat(4000).map((length) => 'v'.repeat(length));

const commands = fc.commands(
  [
    fc.array(seed, { minLength: 1, maxLength: 5 }).map(put),
    seed.map(read),
    fc.tuple(key, value).map(([k, v]) => set(k, v)),
    key.map(remove),
    fc.constant(list()),
    fc.constant(reopen()),
    fc.constant(rebuild()),
    seed.map(root),
    fc.constant(collect()),
  ],
  { maxCommands: 120, size: 'max' },
);

describe('a local store', () => {
  it('agrees with a map in memory, whatever is done, collected, reopened and rebuilt', async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (chosen) => {
        const real = await ClockedStore.create({ packTargetBytes: 8000 });
        const model: Model = {
          records: new Map(),
          table: new Map(),
          roots: new Set(),
          wasRebuilt: false,
        };
        try {
          await fc.asyncModelRun(() => ({ model, real }), chosen);
        } finally {
          await real.temporary.destroy();
        }
      }),
      { numRuns: RUNS },
    );
    expect(executed).toBeGreaterThanOrEqual(FEWEST_COMMANDS);
  }, 1_200_000);
});
