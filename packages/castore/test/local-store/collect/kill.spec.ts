import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildSync } from 'esbuild';
import { LocalBlobService } from '../../../src/blob-service/local.ts';
import { hashBytes } from '../../../src/digest/hasher.ts';
import type { LocalStore } from '../../../src/local-store/local-store.ts';
import type { Damage } from '../../../src/local-store/verify/damage.ts';
import { verifyLocalStore } from '../../../src/local-store/verify/verify-store.ts';
import { TemporaryStore } from '../temporary-store.ts';
import { generator } from './generator.ts';
import { contentOf, rootOf } from './killed-trees.ts';

const CYCLES = Number(process.env['TVIX_KILL_CYCLES'] ?? 8);
const FEWEST_LINES = 20;

const here = path.dirname(fileURLToPath(import.meta.url));
let temporary: TemporaryStore;
let program: string;

beforeAll(async () => {
  temporary = await TemporaryStore.create();
  await temporary.close();
  // A child can't load TypeScript on Node 20; the bundle finds its packages through a link.
  const directory = fs.mkdtempSync(`${temporary.directory}-program-`);
  program = path.join(directory, 'kill-collector.mjs');
  fs.symlinkSync(
    path.join(here, '../../../../../node_modules'),
    path.join(directory, 'node_modules'),
  );
  buildSync({
    entryPoints: [path.join(here, 'kill-collector.ts')],
    outfile: program,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
  });
});

afterAll(async () => {
  await temporary.destroy();
  fs.rmSync(path.dirname(program), { recursive: true });
});

/** Runs the program until it told so many lines, kills it in the middle of its work, and answers with them. */
async function runAndKill(cycle: number, lines: number): Promise<string[]> {
  const child = spawn(
    process.execPath,
    [program, temporary.directory, String(cycle)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exit = once(child, 'close');
  let output = '';
  for await (const part of child.stdout) {
    output += String(part);
    if (output.split('\n').length > lines) child.kill('SIGKILL');
  }
  const [, signal] = (await exit) as [number | null, string | null];
  expect(signal).toBe('SIGKILL');
  // The last line may have been cut off.
  return output.split('\n').slice(0, -1);
}

async function assertStored(store: LocalStore, seed: number): Promise<void> {
  const blobs = new LocalBlobService(store);
  const expected = contentOf(seed);
  const found = await blobs.getMany(expected.map((bytes) => hashBytes(bytes)));
  for (const [i, bytes] of found.entries())
    if (bytes === undefined || Buffer.compare(bytes, expected[i]!) !== 0)
      throw new Error(`tree ${seed} lost a blob`);
  expect(store.read(3, rootOf(seed).digest.bytes)).toBeDefined();
  expect(store.table('roots').get(Buffer.from(String(seed)))).toBeDefined();
}

describe('a store that is killed while it collects', () => {
  it(
    'has what was registered, has not what was forgotten, and is sound',
    async () => {
      const random = generator(1);
      const live = new Set<number>();
      const forgotten = new Set<number>();
      let removedPacks = 0;
      for (let cycle = 0; cycle < CYCLES; cycle += 1) {
        const count = FEWEST_LINES + Math.floor(200 * random());
        for (const line of await runAndKill(cycle, count)) {
          const seed = Number(line.slice(1));
          if (line.startsWith('+')) live.add(seed);
          if (line.startsWith('?')) live.delete(seed);
          if (line.startsWith('-')) forgotten.add(seed);
          if (line.startsWith('packs')) removedPacks += Number(line.slice(6));
        }
        const store = await temporary.reopen();
        const damages: Damage[] = [];
        await verifyLocalStore(store, {
          onDamage: (damage) => void damages.push(damage),
        });
        expect(damages).toEqual([]);
        for (const seed of live) await assertStored(store, seed);
        for (const seed of forgotten)
          expect(store.table('roots').get(Buffer.from(String(seed)))).toBe(
            undefined,
          );
        await temporary.close();
      }
      expect(live.size).toBeGreaterThan(CYCLES);
      expect(removedPacks).toBeGreaterThan(0);
    },
    Math.max(60_000, 5000 * CYCLES),
  );
});
