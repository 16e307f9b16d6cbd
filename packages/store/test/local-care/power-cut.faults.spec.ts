import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openLocalStore } from '@tvix/castore';
import { BusyLedger } from './busy-ledger.ts';
import { type BusyEnd, BusyProgram } from './busy-process.ts';
import { randomNumbers } from '../../../castore/test/support/random-numbers.ts';
import { BUSY_OPTIONS } from './busy-trees.ts';
import { Ext4Disk } from './ext4-disk.ts';

/** What a process says whose disk is gone. */
const OUTAGE_FAILURES = ['castore/store-failed', 'castore/io'];

const IS_FULL = process.env['TVIX_FAULTS'] === 'full';
const CUTS = IS_FULL ? 100 : 20;
const CUTS_WHILE_RECOVERING = IS_FULL ? 20 : 6;
const MOST_LINES = 200;

const missing = Ext4Disk.missing();

let program: BusyProgram;
let disk: Ext4Disk;
let directory: string;
let run = 0;
const ledger = new BusyLedger();

/** Sixteen writers and a collection, until the power goes; it comes back, and nobody has opened the store yet. */
async function cutWhileWriting(random: () => number): Promise<void> {
  const current = program.start(directory, run);
  let off: Promise<void> | undefined;
  current.begin(Math.ceil(MOST_LINES * random()), () => (off = disk.cut()));
  const end = await current.ended();
  await off;
  noteOutage(end);
  disk.restart();
}

/** The power goes at some moment of the recovery; half of the time all of the index has to be made again. */
async function cutWhileRecovering(random: () => number): Promise<void> {
  if (random() < 0.5) {
    writeFileSync(join(directory, 'meta/rebuild'), '');
    ledger.wasRebuilt = true;
  }
  const current = program.start(directory, run);
  const off = current.waiting().then(async () => {
    current.begin(Infinity, () => {});
    await new Promise((resolve) => setTimeout(resolve, 60 * random()));
    await disk.cut();
  });
  const end = await current.ended();
  await off;
  noteOutage(end);
  disk.restart();
}

/**
 * What is told after the power went was acknowledged all the same. Then everybody is refused, and that is all: no
 * rejection goes unheard. Only LMDB may end the process: it maps its file, and what it says of a write of its own that
 * failed may be longer than the buffer it has for that (lmdb-js 3.5.6).
 */
function noteOutage({ told, code, signal, stderr }: BusyEnd): void {
  ledger.note(told);
  const failures = ledger.failures.splice(0);
  for (const failure of failures) expect(OUTAGE_FAILURES).toContain(failure);
  const isLmdb = ['SIGBUS', 'SIGSEGV', 'SIGABRT'].includes(signal ?? '');
  if (!isLmdb && code !== failures.length)
    throw new Error(`ended with ${code ?? signal}: ${stderr}`);
}

/** Opens it for writing, which recovers it, and checks it after. */
async function recoverAndCheck(): Promise<void> {
  await (await openLocalStore(directory, BUSY_OPTIONS)).close();
  expect(emptyPacks()).toEqual([]);
  await check();
}

async function check(): Promise<void> {
  try {
    await ledger.check(directory, run);
  } catch (cause) {
    throw new Error(`run ${run}`, { cause });
  }
}

function emptyPacks(): string[] {
  const packs = join(directory, 'packs');
  return readdirSync(packs, { recursive: true })
    .map((name) => join(packs, String(name)))
    .filter((file) => file.endsWith('.pack') && statSync(file).size === 0);
}

describe('a store whose power is cut', () => {
  if (missing !== undefined) {
    it(`is left alone on this machine (skipped: ${missing})`, () => {
      expect(missing).not.toBe('');
    });
    return;
  }

  beforeAll(async () => {
    program = new BusyProgram();
    disk = Ext4Disk.create();
    directory = join(disk.path, 'store');
    await (await openLocalStore(directory, BUSY_OPTIONS)).close();
  });
  afterAll(() => {
    program[Symbol.dispose]();
    disk[Symbol.dispose]();
  });

  it(`has all that was acknowledged, ${CUTS} times`, async () => {
    const random = randomNumbers(2);
    for (let cuts = 0; cuts < CUTS; cuts += 1, run += 1) {
      await cutWhileWriting(random);
      await check();
      await recoverAndCheck();
    }
    expect(ledger.acknowledged).toBeGreaterThan(20 * CUTS);
    console.log(ledger.summary());
  }, 1_200_000);

  it(`has it too when the power goes again while it recovers, ${CUTS_WHILE_RECOVERING} times`, async () => {
    const random = randomNumbers(3);
    for (let cuts = 0; cuts < CUTS_WHILE_RECOVERING; cuts += 1) {
      await cutWhileWriting(random);
      run += 1;
      await cutWhileRecovering(random);
      await recoverAndCheck();
      run += 1;
    }
  }, 1_200_000);
});
