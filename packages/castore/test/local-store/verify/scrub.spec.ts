import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LocalDirectoryService } from '../../../src/directory-service/local.ts';
import { decodeIndexEntry } from '../../../src/local-store/index/index-entry.ts';
import type { LocalStore } from '../../../src/local-store/local-store.ts';
import { openLocalStore } from '../../../src/local-store/open/open-local-store.ts';
import { QuietStore } from '../../../src/local-store/read/quiet-store.ts';
import { RecordKind } from '../../../src/local-store/packs/record.ts';
import { countLocalStore } from '../../../src/local-store/stats.ts';
import { recordIndexKey } from '../../../src/local-store/index/store-index.ts';
import { tableIndexKey } from '../../../src/local-store/tables/table-entry.ts';
import type { Damage } from '../../../src/local-store/verify/damage.ts';
import {
  Scrub,
  type ScrubOptions,
} from '../../../src/local-store/verify/scrub.ts';
import type { ScrubPass } from '../../../src/local-store/verify/scrub-state.ts';
import { Furniture, furnishedDirectory, OPTIONS } from './furnished-store.ts';

const DAY_MS = 86_400_000;
const RATE = 1024 ** 3;

const furniture = new Furniture();
let directory: string;
let store: LocalStore;
let nowMs: number;

beforeEach(async () => {
  nowMs = Date.now() + DAY_MS;
  directory = await furnishedDirectory(furniture);
  store = await openLocalStore(directory, { ...OPTIONS, now: () => nowMs });
});
afterEach(async () => {
  await store.close();
  fs.rmSync(directory, { recursive: true });
});

async function reopen(): Promise<void> {
  await store.close();
  store = await openLocalStore(directory, { ...OPTIONS, now: () => nowMs });
}

/** Flips a bit of the record that an index key leads to. */
function damage(indexKey: Buffer): void {
  const entry = store.interior.index.get(indexKey)!;
  const { pack, offset } = decodeIndexEntry(indexKey, entry);
  const { file } = store.interior.packs.get(pack)!;
  const bytes = fs.readFileSync(file);
  bytes[offset + 70]! ^= 1;
  fs.writeFileSync(file, bytes);
}

function directoryKey(): Buffer {
  const { digest } = furniture.directories[0]!;
  return recordIndexKey(RecordKind.directory, digest.bytes);
}

/** Scrubs until a pass is over. */
async function pass(
  options: Partial<ScrubOptions> = {},
): Promise<Omit<ScrubPass, 'after'>> {
  let scrub: Scrub | undefined;
  try {
    return await new Promise((resolve, reject) => {
      scrub = Scrub.start(store, {
        bytesPerSecond: RATE,
        intervalMs: DAY_MS,
        onFinished: resolve,
        onFailure: reject,
        ...options,
      });
    });
  } finally {
    await scrub!.stop();
  }
}

describe('Scrub', () => {
  it('looks at every record, tells of damage, and remembers both', async () => {
    damage(directoryKey());
    const found: Damage[] = [];
    const finished = await pass({ onDamage: (one) => void found.push(one) });
    expect(finished.damages).toBe(found.length);
    expect(found.map(({ what }) => what)).toContain('directory');
    await reopen();
    const { scrub, chunks, recipes, directories, tables } =
      await countLocalStore(store);
    expect(scrub).toEqual({
      finished: { finishedMs: nowMs, damages: found.length },
    });
    const objects = [chunks, recipes, directories, tables['names']!];
    expect(finished.records).toBe(
      objects.reduce((sum, { objects }) => sum + objects, 0),
    );
  });

  it('goes on where it was after a restart', async () => {
    // Tables come before directories.
    damage(tableIndexKey('names', Buffer.of(20)));
    damage(directoryKey());
    const first: string[] = [];
    const stopped = new Promise<void>((resolve) => {
      const scrub = Scrub.start(store, {
        bytesPerSecond: RATE,
        intervalMs: DAY_MS,
        onDamage({ what }) {
          first.push(what);
          if (what === 'directory') void scrub.stop().then(resolve);
        },
      });
    });
    await stopped;
    expect(first).toEqual(['table-entry', 'directory']);
    const startedMs = nowMs;
    nowMs += DAY_MS;
    await reopen();
    const { scrub } = await countLocalStore(store);
    expect(scrub.pass).toMatchObject({ startedMs, damages: 1 });
    const second: string[] = [];
    const finished = await pass({
      onDamage: ({ what }) => void second.push(what),
    });
    expect(second).toContain('directory');
    expect(second).not.toContain('table-entry');
    expect(finished).toMatchObject({ startedMs });
    expect(finished.damages).toBe(1 + second.length);
    // The pack that was found damaged before the restart isn't taken for sound.
    const { packs } = await countLocalStore(store);
    expect(packs.verifiedSinceMs).toBeUndefined();
  });

  it('makes the next pass when it is due, and none before', async () => {
    await pass();
    const before = await countLocalStore(store);
    nowMs += DAY_MS - 1;
    const early = Scrub.start(store, {
      bytesPerSecond: RATE,
      intervalMs: DAY_MS,
    });
    await early.stop();
    const { scrub } = await countLocalStore(store);
    expect(scrub).toEqual(before.scrub);
    expect(scrub.pass).toBeUndefined();
    nowMs += 1;
    await pass();
    const after = await countLocalStore(store);
    expect(after.scrub.finished).toEqual({ finishedMs: nowMs, damages: 0 });
  });

  it('stops at once, however slow it is', async () => {
    const failures: unknown[] = [];
    await using scrub = Scrub.start(store, {
      bytesPerSecond: 1,
      intervalMs: DAY_MS,
      onFailure: (error) => void failures.push(error),
    });
    await scrub.stop();
    expect(failures).toEqual([]);
  });

  it('is no use of what it reads', async () => {
    const { digest } = furniture.directories[0]!;
    const used = store.usedMs(RecordKind.directory, digest.bytes);
    await pass();
    await store.interior.writing!.touches.flush();
    expect(store.usedMs(RecordKind.directory, digest.bytes)).toBe(used);
  });

  it('is refused where the store is open for reading alone', async () => {
    await store.close();
    store = await openLocalStore(directory, { ...OPTIONS, readOnly: true });
    expect(() =>
      Scrub.start(store, { bytesPerSecond: RATE, intervalMs: DAY_MS }),
    ).toThrow(expect.objectContaining({ code: 'castore/store-read-only' }));
  });
});

describe('a quiet store', () => {
  it('reads without using, and takes nothing', async () => {
    const { digest } = furniture.directories[0]!;
    const used = store.usedMs(RecordKind.directory, digest.bytes);
    using quiet = new QuietStore(store);
    const directories = new LocalDirectoryService(quiet);
    expect(await directories.get(digest)).toEqual(furniture.directories[0]);
    await store.interior.writing!.touches.flush();
    expect(store.usedMs(RecordKind.directory, digest.bytes)).toBe(used);
    await expect(
      directories.put(furniture.directories[0]!),
    ).rejects.toMatchObject({ code: 'castore/store-read-only' });
  });

  it('fails on damage, and leaves it where it is', async () => {
    damage(directoryKey());
    using quiet = new QuietStore(store);
    const { digest } = furniture.directories[0]!;
    const directories = new LocalDirectoryService(quiet);
    for (let attempt = 0; attempt < 2; attempt += 1)
      await expect(directories.get(digest)).rejects.toMatchObject({
        code: 'castore/corrupt-directory',
      });
    expect(store.has(RecordKind.directory, digest.bytes)).toBe(true);
  });
});
