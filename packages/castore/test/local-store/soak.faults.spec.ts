import fs from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hashBytes } from '../../src/digest/hasher.ts';
import { RecordKind } from '../../src/local-store/record.ts';
import { randomBytes } from '../blob-service/random-bytes.ts';
import { TemporaryStore } from './temporary-store.ts';

interface Model {
  readonly records: Map<number, Uint8Array>;
  readonly table: Map<string, string>;
}

type Command = fc.AsyncCommand<Model, TemporaryStore>;

function contentOf(seed: number): Buffer {
  return seed % 3 === 0
    ? Buffer.from(`text ${seed} `.repeat(1 + seed * 3))
    : randomBytes(seed * 37, seed);
}

const command = (
  name: string,
  run: (model: Model, real: TemporaryStore) => Promise<void>,
): Command => ({
  check: () => true,
  run,
  toString: () => name,
});

const put = (seeds: number[]): Command =>
  command(`put(${seeds.join()})`, async (model, real) => {
    const contents = seeds.map(contentOf);
    await real.store.put(
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
    const found = real.store.read(RecordKind.chunk, key);
    const expected = model.records.get(seed);
    expect(found === undefined).toBe(expected === undefined);
    if (found !== undefined) expect(Buffer.compare(found, expected!)).toBe(0);
  });

const set = (key: string, value: string): Command =>
  command(`set(${key}, ${value.length} bytes)`, async (model, real) => {
    const table = real.store.table('model');
    await table.put(Buffer.from(key), Buffer.from(value));
    model.table.set(key, value);
  });

const remove = (key: string): Command =>
  command(`remove(${key})`, async (model, real) => {
    const removed = await real.store.table('model').delete(Buffer.from(key));
    expect(removed).toBe(model.table.delete(key));
  });

const list = (): Command =>
  command('list()', async (model, real) => {
    const found: [string, string][] = [];
    for await (const [key, value] of real.store.table('model').entries())
      found.push([Buffer.from(key).toString(), Buffer.from(value).toString()]);
    expect(found).toEqual(
      [...model.table].sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  });

const reopen = (): Command =>
  command('reopen()', async (_, real) => void (await real.reopen()));

const rebuild = (): Command =>
  command('rebuild()', async (_, real) => {
    await real.close();
    fs.rmSync(real.path('meta'), { recursive: true });
    await real.reopen();
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
  ],
  { maxCommands: 60 },
);

describe('a local store', () => {
  it('agrees with a map in memory, whatever is done, reopened and rebuilt', async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (chosen) => {
        const real = await TemporaryStore.create({ packTargetBytes: 8000 });
        const model: Model = { records: new Map(), table: new Map() };
        try {
          await fc.asyncModelRun(() => ({ model, real }), chosen);
        } finally {
          await real.destroy();
        }
      }),
      { numRuns: 30 },
    );
  }, 60_000);
});
