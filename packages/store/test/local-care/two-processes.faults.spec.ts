import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openLocalStore } from '@tvix/castore';
import { BusyLedger } from './busy-ledger.ts';
import { type BusyProcess, BusyProgram } from './busy-process.ts';
import { BUSY_OPTIONS } from './busy-trees.ts';
import { memoryDirectory } from '../../../castore/test/support/memory-directory.ts';

let program: BusyProgram;
let directory: string;
let holder: BusyProcess;

beforeEach(async () => {
  program = new BusyProgram();
  directory = mkdtempSync(join(memoryDirectory(), 'busy-store-'));
  holder = program.start(directory, 0);
  await new Promise<void>((resolve) => holder.begin(100, resolve));
});
afterEach(async () => {
  holder.kill();
  await holder.ended();
  program[Symbol.dispose]();
  rmSync(directory, { recursive: true });
});

describe('a store that another process writes to', () => {
  it('refuses a second writer, names the first, and says what to do', async () => {
    await expect(openLocalStore(directory)).rejects.toMatchObject({
      code: 'castore/store-locked',
      message: expect.stringMatching(
        `process ${holder.pid} .*stop it, or talk to it instead`,
      ),
    });
    const second = program.start(directory, 1);
    second.begin(Infinity, () => {});
    const { told, code } = await second.ended();
    expect(told).toContain('failed castore/store-locked');
    expect(code).toBe(1);
  });

  it('is read meanwhile, and is there for the next one as soon as the first is killed', async () => {
    const readOnly = { ...BUSY_OPTIONS, readOnly: true };
    await using reader = await openLocalStore(directory, readOnly);
    const written = async (): Promise<number> => {
      let count = 0;
      for await (const _ of reader.table('path-infos').entries()) count += 1;
      return count;
    };
    expect(await written()).toBeGreaterThan(0);
    holder.kill();
    const ledger = new BusyLedger();
    ledger.note((await holder.ended()).told);
    await (await openLocalStore(directory, BUSY_OPTIONS)).close();
    await ledger.check(directory, 0);
    expect(await written()).toBeGreaterThan(0);
  });
});
