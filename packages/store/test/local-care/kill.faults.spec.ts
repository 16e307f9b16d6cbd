import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openLocalStore } from '@tvix/castore';
import { BusyLedger } from './busy-ledger.ts';
import { type BusyProcess, BusyProgram } from './busy-process.ts';
import { randomNumbers } from '../../../castore/test/support/random-numbers.ts';
import { BUSY_OPTIONS } from './busy-trees.ts';
import { memoryDirectory } from '../../../castore/test/support/memory-directory.ts';

const CYCLES = 500;
/** That must have been taken away by a collection in the end: as many cycles as it takes, within reason. */
const COLLECTED_PACKS = 500;
const MOST_CYCLES = 3 * CYCLES;
const MOST_LINES = 400;
/** From the opening of the store, recovery included, to the first answer. It waits for no disk: the store lies in memory. */
const READY_WITHIN_MS = 2000;

let program: BusyProgram;
let directory: string;
/** Starts up while the one before it works. */
let next: BusyProcess;

beforeAll(async () => {
  program = new BusyProgram();
  directory = mkdtempSync(join(memoryDirectory(), 'busy-store-'));
  await (await openLocalStore(directory, BUSY_OPTIONS)).close();
});
afterAll(async () => {
  next.kill();
  await next.ended();
  program[Symbol.dispose]();
  rmSync(directory, { recursive: true });
});

describe(`a store whose process is killed ${CYCLES} times and more`, () => {
  it('has all that was acknowledged, and serves again within two seconds', async () => {
    const random = randomNumbers(1);
    const ledger = new BusyLedger();
    next = program.start(directory, 0);
    // How far a collection gets before the kill depends on the machine.
    const isEnough = (run: number): boolean =>
      run >= CYCLES && ledger.removedPacks > COLLECTED_PACKS;
    for (let run = 0; run < MOST_CYCLES && !isEnough(run); run += 1) {
      const current = next;
      next = program.start(directory, run + 1);
      // Most die early; those that don't get to collect what the others left behind.
      const lines = Math.ceil(MOST_LINES * random() ** 2);
      current.begin(lines, () => current.kill());
      // One in eight dies while it opens the store, or soon after.
      if (random() < 0.125) setTimeout(() => current.kill(), 30 * random());
      const { told, signal, stderr } = await current.ended();
      expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: '' });
      ledger.note(told);
      try {
        await ledger.check(directory, run);
      } catch (cause) {
        throw new Error(`run ${run}`, { cause });
      }
    }
    expect(ledger.failures).toEqual([]);
    expect(ledger.acknowledged).toBeGreaterThan(20 * CYCLES);
    expect(ledger.removedPacks).toBeGreaterThan(COLLECTED_PACKS);
    expect(ledger.slowestReadyCpuMs).toBeLessThan(READY_WITHIN_MS);
    console.log(ledger.summary());
  }, 1_200_000);
});
