import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BundledProgram } from '../../support/bundled-program.ts';
import { randomNumbers } from '../../support/random-numbers.ts';
import { Furniture, furnishedDirectory } from './furnished-store.ts';

const TRIALS = process.env['TVIX_FAULTS'] === 'full' ? 200 : 24;
const PAGE_BYTES = 4096;

const furniture = new Furniture();
let original: string;
let program: BundledProgram;

beforeAll(async () => {
  original = await furnishedDirectory(furniture);
  program = new BundledProgram(new URL('index-reader.ts', import.meta.url));
});

afterAll(() => {
  program[Symbol.dispose]();
  fs.rmSync(original, { recursive: true });
});

interface Outcome {
  readonly status: number | null;
  readonly right: number;
  readonly indexDamages: number;
  readonly stderr: string;
}

function run(directory: string): Outcome {
  const child = spawnSync(process.execPath, [program.file, directory], {
    encoding: 'utf8',
  });
  const told = child.status === 0 ? JSON.parse(child.stdout) : {};
  const { status, stderr } = child;
  return { status, stderr, right: 0, indexDamages: 0, ...told };
}

function damageIndex(file: string, trial: number): void {
  const random = randomNumbers(trial);
  const bytes = fs.readFileSync(file);
  const at = Math.floor(random() * bytes.length);
  switch (trial % 3) {
    case 0:
      bytes[at]! ^= 1 << Math.floor(random() * 8);
      break;
    case 1:
      bytes.fill(
        0,
        at - (at % PAGE_BYTES),
        at - (at % PAGE_BYTES) + PAGE_BYTES,
      );
      break;
    case 2:
      fs.truncateSync(file, at);
      return;
  }
  fs.writeFileSync(file, bytes);
}

describe('a store with a damaged index', () => {
  it('serves no wrong byte, and has everything once the index is rebuilt', () => {
    for (let trial = 0; trial < TRIALS; trial += 1) {
      const directory = `${original}-${trial}`;
      fs.cpSync(original, directory, { recursive: true });
      damageIndex(path.join(directory, 'meta/data.mdb'), trial);
      const first = run(directory);
      if (/wrong bytes/.test(first.stderr)) throw new Error(`trial ${trial}`);
      if (first.right < furniture.size) {
        // It ended the process, or was told of: whoever watches over the process asks for a new one.
        if (first.status === 0) expect(first.indexDamages).toBeGreaterThan(0);
        fs.writeFileSync(path.join(directory, 'meta/rebuild'), '');
      }
      const second = run(directory);
      if (second.right !== furniture.size)
        throw new Error(`trial ${trial}: ${JSON.stringify({ first, second })}`);
      fs.rmSync(directory, { recursive: true });
    }
  }, 3_600_000);
});
