import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLocalStore } from '@tvix/castore';
import type { LocalStore } from '@tvix/castore';
import { localCacheTables } from '@tvix/store/binary-cache';
import type { CacheTables } from '@tvix/store/binary-cache';
import { sweepState } from '../../src/daemon/state-sweep.ts';
import { createLogger } from '../../src/logging.ts';
import { openStore } from '../../src/services.ts';

const DAY_MS = 24 * 3_600_000;
const KEY = new TextEncoder().encode('realisations/x.doi');

let folder: string;
let nowMs: number;
let state: LocalStore;
let tables: CacheTables;
const logged: string[] = [];
const logger = createLogger({
  level: 'warn',
  json: true,
  colours: false,
  write: (line) => logged.push(line),
});

beforeEach(async () => {
  logged.length = 0;
  folder = await mkdtemp(join(tmpdir(), 'tvix-state-sweep-'));
  nowMs = Date.UTC(2026, 0, 1);
  state = await openLocalStore(join(folder, 'state'), {
    reserveBytes: 0,
    threads: 0,
    now: () => nowMs,
  });
  tables = localCacheTables(state);
});
afterEach(async () => {
  await state.close();
  await rm(folder, { recursive: true });
});

/** Remembers a realisation of a path that no store has. */
async function remember(): Promise<void> {
  const outPath = `${'0'.repeat(32)}-gone`;
  const json = JSON.stringify({ id: 'x', outPath, signatures: [] });
  await tables.realisations.put(KEY, new TextEncoder().encode(json));
  nowMs += 2 * DAY_MS;
}

/** Sweeps for a store at an address; answers whether the realisation is there still. */
async function isKeptFor(address: string): Promise<boolean> {
  const addresses = {
    blobs: address,
    directories: address,
    pathInfos: address,
  };
  await using store = await openStore(addresses);
  await sweepState(state, store, logger);
  return (await tables.realisations.get(KEY)) !== undefined;
}

describe('the sweep of what is kept beside a store', () => {
  it('forgets what leads nowhere in the store that it was used for first, wherever that lies', async () => {
    expect(await isKeptFor(`local:${folder}/store`)).toBe(false);
    await remember();
    await rename(join(folder, 'store'), join(folder, 'moved'));
    expect(await isKeptFor(`local:${folder}/moved`)).toBe(false);
    expect(logged).toEqual([]);
  });

  it('forgets nothing for another store, and warns', async () => {
    await isKeptFor(`local:${folder}/store`);
    await remember();
    expect(await isKeptFor(`local:${folder}/other`)).toBe(true);
    expect(await isKeptFor('memory:')).toBe(true);
    expect(logged).toHaveLength(2);
    const { file } = JSON.parse(logged[0]!) as { file: string };
    expect(file).toBe(join(folder, 'state', 'SERVED-STORE'));
    expect(await isKeptFor(`local:${folder}/store`)).toBe(false);
  });

  it('takes the next store for its own once the file is removed', async () => {
    await isKeptFor(`local:${folder}/store`);
    await remember();
    await rm(join(folder, 'state', 'SERVED-STORE'));
    expect(await isKeptFor(`local:${folder}/other`)).toBe(false);
    expect(logged).toEqual([]);
  });

  it('knows a store behind a daemon by its address', async () => {
    await isKeptFor('grpc+http://127.0.0.1:9');
    const file = join(folder, 'state', 'SERVED-STORE');
    expect(await readFile(file, 'utf8')).toBe('grpc+http://127.0.0.1:9\n');
    await remember();
    expect(await isKeptFor('memory:')).toBe(true);
    expect(logged).toHaveLength(1);
  });
});
