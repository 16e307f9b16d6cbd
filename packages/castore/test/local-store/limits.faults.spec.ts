import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AskedStore } from './asked-store.ts';
import { BundledProgram } from '../support/bundled-program.ts';
import { memoryDirectory } from '../support/memory-directory.ts';

const missing =
  spawnSync('prlimit', ['--version']).status === 0 ? undefined : 'no prlimit';

let scratch: string;
let program: BundledProgram;

function open(under: readonly string[], packTargetBytes: number): AskedStore {
  const directory = fs.mkdtempSync(path.join(scratch, 'store-'));
  return new AskedStore(program, directory, { packTargetBytes, under });
}

/** Sets a limit of a process that runs. */
function limit(store: AskedStore, to: string): void {
  const args = [`--pid=${store.pid}`, `--${to}`];
  expect(spawnSync('prlimit', args).status).toBe(0);
}

/** Puts until it is refused: how many were taken, and why no more were. */
async function fill(
  store: AskedStore,
  length: number,
): Promise<{ taken: number; refused: string }> {
  for (let taken = 0; ; taken += 1) {
    const answer = await store.ask(`put ${taken} ${length}`);
    if (answer !== 'ok') return { taken, refused: answer };
  }
}

async function expectAll(
  store: AskedStore,
  taken: number,
  length: number,
): Promise<void> {
  for (let seed = 0; seed < taken; seed += 1)
    expect(await store.ask(`read ${seed} ${length}`)).toBe('ok');
}

describe('a store whose process is limited', () => {
  if (missing !== undefined) {
    it(`is left alone on this machine (skipped: ${missing})`, () => {
      expect(missing).not.toBe('');
    });
    return;
  }

  beforeAll(() => {
    scratch = fs.mkdtempSync(path.join(memoryDirectory(), 'limits-'));
    program = new BundledProgram(
      new URL('asked-store-program.ts', import.meta.url),
    );
  });
  afterAll(() => {
    program[Symbol.dispose]();
    fs.rmSync(scratch, { recursive: true });
  });

  it.each([
    // Of one pack, which is full long before its target; or of the index, which grows while packs are small.
    ['its pack', 64 * 1024 * 1024, 20_000],
    ['its index', 20_000, 10],
  ])(
    'has no space where %s may not grow (EFBIG), is collected, and takes more once it may',
    async (_, packTargetBytes, length) => {
      const store = open(['prlimit', '--fsize=300000:'], packTargetBytes);
      expect(await store.answer()).toBe('ok');
      const { taken, refused } = await fill(store, length);
      expect(refused).toBe('castore/no-space');
      expect(taken).toBeGreaterThan(10);
      expect(await store.ask(`read ${taken} ${length}`)).toBe('absent');
      await expectAll(store, taken, length);
      expect(await store.ask(`put ${taken} ${length}`)).toBe(
        'castore/no-space',
      );
      limit(store, 'fsize=unlimited:');
      expect(await store.ask(`put ${taken} ${length}`)).toBe('ok');
      expect(await store.ask(`collect 0 ${length}`)).toBe('ok');
      await expectAll(store, 1, length);
      expect(await store.ask(`read 1 ${length}`)).toBe('absent');
      expect(await store.end()).toBe(0);
    },
    120_000,
  );

  it('refuses what it has no descriptor for (EMFILE), and takes and serves it once it has', async () => {
    const length = 2000;
    const store = open([], 1000);
    expect(await store.answer()).toBe('ok');
    // Each fills a pack.
    for (const seed of [0, 1])
      expect(await store.ask(`put ${seed} ${length}`)).toBe('ok');
    expect(await store.ask(`read 0 ${length}`)).toBe('ok');
    limit(store, 'nofile=10:');
    expect(await store.ask(`put 2 ${length}`)).toBe('castore/io');
    expect(await store.ask(`read 0 ${length}`)).toBe('ok');
    expect(await store.ask(`read 1 ${length}`)).toBe('castore/io');
    limit(store, 'nofile=1024:');
    expect(await store.ask(`read 1 ${length}`)).toBe('ok');
    expect(await store.ask(`read 2 ${length}`)).toBe('absent');
    expect(await store.ask(`put 2 ${length}`)).toBe('ok');
    expect(await store.end()).toBe(0);
  });
});
