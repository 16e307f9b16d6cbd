import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openLocalStore } from '@tvix/castore';
import { storeStats } from '../../src/local-care/stats.ts';
import { LocalNixStore } from './local-nix-store.ts';

let store: LocalNixStore;

beforeEach(async () => {
  store = await LocalNixStore.create();
});
afterEach(() => store.destroy());

const text = 'the same line again and again\n'.repeat(1000);
/** Longer than one chunk, and no two chunks of it alike. */
const large = Buffer.from(
  Uint32Array.from({ length: 600_000 }, (_, i) => Math.imul(i, 2654435761))
    .buffer,
);

describe('storeStats', () => {
  it('counts nothing in an empty store', async () => {
    const stats = await storeStats(store.localStore);
    expect(stats).toMatchObject({
      pathInfos: 0,
      logicalBytes: 0,
      savedByCompressionBytes: 0,
      chunks: { objects: 0 },
      packs: { count: 0, bytes: 0, damaged: 0 },
      quarantine: { files: 0, bytes: 0 },
    });
    expect(stats.freeBytes).toBeGreaterThan(0);
  });

  it('counts what was imported, and what deduplication and compression saved', async () => {
    await store.import('a', { one: text, 'sub/two': text, 'sub/large': large });
    await store.import('b', {
      three: text,
      'sub/two': text,
      'sub/large': large,
    });
    const stats = await storeStats(store.localStore);
    expect(stats.pathInfos).toBe(2);
    expect(stats.tables['path-infos']!.objects).toBe(2);
    // Two roots, and one subdirectory that both share.
    expect(stats.directories.objects).toBe(3);
    expect(stats.recipes.objects).toBe(1);
    expect(stats.logicalBytes).toBe(4 * text.length + 2 * large.length);
    expect(stats.chunks.rawBytes).toBe(text.length + large.length);
    expect(stats.savedByDeduplicationBytes).toBe(
      3 * text.length + large.length,
    );
    expect(stats.savedByCompressionBytes).toBeGreaterThan(0.9 * text.length);
  });

  it('agrees with what the packs take on the disk', async () => {
    await store.import('a', { one: text, 'sub/large': large });
    const { packs } = await storeStats(store.localStore);
    const folder = join(store.localStore.directory, 'packs');
    const onDisk = readdirSync(folder, { recursive: true })
      .map((name) => statSync(join(folder, String(name))))
      .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
    expect(packs.bytes).toBe(onDisk);
    expect(packs.liveBytes).toBeGreaterThan(0.99 * onDisk);
    expect(packs.liveBytes).toBeLessThanOrEqual(onDisk);
  });

  it('counts beside a process that writes', async () => {
    await store.import('a', { one: text });
    const localStore = await openLocalStore(store.localStore.directory, {
      readOnly: true,
    });
    try {
      expect((await storeStats(localStore)).chunks.objects).toBe(1);
      await store.import('b', { one: `${text}.` });
      expect((await storeStats(localStore)).chunks.objects).toBe(2);
    } finally {
      await localStore.close();
    }
  });
});
