import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  localCacheTables,
  sweepCacheTables,
} from '../../src/binary-cache/index.ts';
import type { CacheTables, ServedStore } from '../../src/binary-cache/index.ts';
import { putUploadedNar } from '../../src/binary-cache/uploaded-nar.ts';
import type { PathInfo } from '../../src/path-info/path-info.ts';
import { utf8 } from '../fixtures.ts';
import { LocalNixStore } from './local-nix-store.ts';

const HOUR_MS = 3_600_000;

let nowMs: number;
/** What is served, and the tables beside it. */
let served: LocalNixStore;
let state: LocalNixStore;
let tables: CacheTables;
let stored: PathInfo;

beforeEach(async () => {
  nowMs = Date.UTC(2026, 0, 1);
  served = await LocalNixStore.create();
  state = await LocalNixStore.create({ now: () => nowMs });
  tables = localCacheTables(state.localStore);
  stored = await served.import('a', { file: 'contents' });
});
afterEach(async () => {
  await served.destroy();
  await state.destroy();
});

const sweep = (of: ServedStore = served): Promise<void> =>
  sweepCacheTables(state.localStore, of);

/** Entries that lead to a path and its tree, under a key each. */
async function enter(
  key: Uint8Array,
  { storePath, node }: Pick<PathInfo, 'storePath' | 'node'>,
): Promise<void> {
  await putUploadedNar(tables.nars, key, {
    node,
    narSha256: new Uint8Array(32),
    narSize: 1n,
    compression: 'none',
    fileSize: 1,
  });
  const outPath = storePath.toString();
  const value = { id: 'x', outPath, signatures: [] };
  await tables.realisations.put(key, utf8(JSON.stringify(value)));
  await tables.logs.put(key, utf8('log'));
}

async function has(key: Uint8Array): Promise<Record<string, boolean>> {
  const { nars, realisations, logs } = tables;
  return {
    nar: (await nars.get(key)) !== undefined,
    realisation: (await realisations.get(key)) !== undefined,
    log: (await logs.get(key)) !== undefined,
  };
}

describe('the sweep of tables beside another store', () => {
  const kept = new Uint8Array(32).fill(1);
  const gone = new Uint8Array(32).fill(2);
  it('forgets what leads nowhere once it is a day old, but logs', async () => {
    const elsewhere = await state.import('gone', { file: 'not served' });
    await enter(kept, stored);
    await enter(gone, elsewhere);
    nowMs += 23 * HOUR_MS;
    await sweep();
    expect(await has(gone)).toEqual({
      nar: true,
      realisation: true,
      log: true,
    });
    nowMs += 2 * HOUR_MS;
    await sweep();
    expect(await has(gone)).toEqual({
      nar: false,
      realisation: false,
      log: true,
    });
    expect(await has(kept)).toEqual({
      nar: true,
      realisation: true,
      log: true,
    });
  });

  it('keeps what it fails to look up, and what is uploaded again while it looks', async () => {
    const elsewhere = await state.import('gone', { file: 'not served' });
    await enter(gone, elsewhere);
    nowMs += 25 * HOUR_MS;
    const failing = async (): Promise<never> => {
      throw new Error('the daemon is away');
    };
    await sweep({
      blobs: { has: failing },
      directories: { get: failing },
      pathInfos: { get: failing },
    });
    expect(await has(gone)).toMatchObject({ nar: true, realisation: true });
    const again = async (): Promise<undefined> => {
      await enter(gone, elsewhere);
    };
    await sweep({
      blobs: served.blobs,
      directories: { get: again },
      pathInfos: { get: again },
    });
    expect(await has(gone)).toMatchObject({ nar: true, realisation: true });
  });
});
