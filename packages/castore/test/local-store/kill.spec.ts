import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildSync } from 'esbuild';
import { hashBytes } from '../../src/digest/hasher.ts';
import { RecordKind } from '../../src/local-store/record.ts';
import { randomBytes } from '../blob-service/random-bytes.ts';
import { TemporaryStore } from './temporary-store.ts';

const here = path.dirname(fileURLToPath(import.meta.url));
const CYCLES = 5;
const ACKNOWLEDGED_A_CYCLE = 60;

let temporary: TemporaryStore;
let program: string;

beforeAll(async () => {
  temporary = await TemporaryStore.create();
  await temporary.close();
  // A child can't load TypeScript on Node 20; the bundle finds its packages through a link.
  const directory = fs.mkdtempSync(`${temporary.directory}-program-`);
  program = path.join(directory, 'kill-writer.mjs');
  fs.symlinkSync(
    path.join(here, '../../../../node_modules'),
    path.join(directory, 'node_modules'),
  );
  buildSync({
    entryPoints: [path.join(here, 'kill-writer.ts')],
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

/** Runs the writer until it acknowledged enough, kills it in the middle of its work, and answers with what it told. */
async function runAndKill(firstSeed: number): Promise<number[]> {
  const child = spawn(
    process.execPath,
    [program, temporary.directory, String(firstSeed)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exit = once(child, 'close');
  let output = '';
  for await (const part of child.stdout) {
    output += String(part);
    if (output.split('\n').length > ACKNOWLEDGED_A_CYCLE) child.kill('SIGKILL');
  }
  const [, signal] = (await exit) as [number | null, string | null];
  expect(signal).toBe('SIGKILL');
  // The last line may have been cut off.
  return output.split('\n').slice(0, -1).map(Number);
}

describe('a store whose writer is killed', () => {
  it('has everything that was acknowledged', async () => {
    const acknowledged: number[] = [];
    for (let cycle = 0; cycle < CYCLES; cycle += 1) {
      acknowledged.push(...(await runAndKill(1_000_000 * (cycle + 1))));
      const store = await temporary.reopen();
      const table = store.table('acknowledged');
      for (const seed of acknowledged) {
        const bytes = randomBytes(seed % 7000, seed);
        const found = store.read(RecordKind.chunk, hashBytes(bytes).bytes);
        expect(found && Buffer.compare(found, bytes)).toBe(0);
        expect(table.get(Buffer.from(String(seed)))).toBeDefined();
      }
      await temporary.close();
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(
      CYCLES * ACKNOWLEDGED_A_CYCLE,
    );
  }, 60_000);
});
