import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Directory, hashBytes, pathComponent } from '@tvix/castore';
import type { Damage } from '@tvix/castore';
import { StorePath } from '@tvix/nar';
import { addStoreAdmin, GrpcStoreCare } from '../../src/grpc/index.ts';
import { parsePinTarget } from '../../src/local-care/pins.ts';
import type { Pin } from '../../src/local-care/pins.ts';
import type { PathDamage } from '../../src/local-care/verify.ts';
import { PathInfo } from '../../src/path-info/path-info.ts';
import { LocalStoreCare } from '../../src/store-care/local.ts';
import type { StoreCare } from '../../src/store-care/store-care.ts';
import { LocalNixStore } from '../local-care/local-nix-store.ts';
import { openLoopback } from '../loopback.ts';
import type { Loopback } from '../loopback.ts';

const HOUR_MS = 3_600_000;

let nowMs: number;
let store: LocalNixStore;
let loopback: Loopback | undefined;
let stopping: AbortController;

async function careOf(where: 'local' | 'over gRPC'): Promise<StoreCare> {
  const local = new LocalStoreCare(store.localStore);
  if (where === 'local') return local;
  loopback = await openLoopback((server) =>
    addStoreAdmin(server, local, { stopping: stopping.signal }),
  );
  return new GrpcStoreCare(loopback.channel);
}

beforeEach(async () => {
  nowMs = Date.UTC(2026, 0, 1);
  stopping = new AbortController();
  store = await LocalNixStore.create({ now: () => nowMs });
});
afterEach(async () => {
  await loopback?.[Symbol.asyncDispose]();
  loopback = undefined;
  await store.destroy();
});

async function allPins(care: StoreCare): Promise<Pin[]> {
  const pins: Pin[] = [];
  for await (const pin of care.listPins()) pins.push(pin);
  return pins;
}

/** Registers a path again, as one that refers to another. */
async function refer(from: PathInfo, to: PathInfo): Promise<void> {
  await store.pathInfos.put(
    PathInfo.create(from.storePath, from.node, {
      ...from.narInfo!,
      references: [to.storePath],
    }),
  );
}

/** Flips a bit where some bytes stand in a pack. */
function damage(contents: string): void {
  const packs = join(store.localStore.directory, 'packs');
  for (const name of readdirSync(packs, { recursive: true })) {
    if (!String(name).endsWith('.pack')) continue;
    const bytes = readFileSync(join(packs, String(name)));
    const at = bytes.indexOf(contents);
    if (at < 0) continue;
    bytes[at]! ^= 1;
    writeFileSync(join(packs, String(name)), bytes);
  }
}

describe.each(['local', 'over gRPC'] as const)(
  'the care of a store, %s',
  (where) => {
    let care: StoreCare;

    beforeEach(async () => {
      care = await careOf(where);
    });

    it('counts what is stored', async () => {
      await store.import('a', { one: 'x'.repeat(10_000), two: 'y' });
      const stats = await care.stats();
      expect(stats).toMatchObject({
        pathInfos: 1,
        logicalBytes: 10_001,
        chunks: { objects: 2, rawBytes: 10_001 },
        tables: { 'path-infos': { objects: 1 } },
        scrub: {},
      });
      expect(stats.packs.verifiedSinceMs).toBeUndefined();
      const own = await new LocalStoreCare(store.localStore).stats();
      expect({ ...stats, freeBytes: 0 }).toEqual({ ...own, freeBytes: 0 });
    });

    it('is no use of what it counts and verifies', async () => {
      const pathInfo = await store.import('a', { file: 'contents' });
      nowMs += 100 * HOUR_MS;
      await care.stats();
      await care.verify();
      await store.reopen();
      expect(store.pathInfos.usedMs(pathInfo)).toBeLessThan(
        nowMs - 99 * HOUR_MS,
      );
    });

    it('collects by its rules and tells how far it is', async () => {
      await store.import('a', { file: 'a'.repeat(9999) });
      nowMs += 100 * HOUR_MS;
      const kept = await store.import('b', { file: 'b' });
      const rules = { keepNewerThanMs: 50 * HOUR_MS };
      const told = await care.collect({ ...rules, dryRun: true });
      expect(told).toMatchObject({ paths: 1, collected: { objects: 2 } });
      const phases: string[] = [];
      const done = await care.collect({
        ...rules,
        onProgress: ({ phase }) => void phases.push(phase),
      });
      expect(done).toMatchObject({
        paths: 1,
        collected: { objects: 2 },
        missing: 0,
      });
      expect(phases).toContain('mark');
      expect(phases).toContain('sweep');
      expect(await store.pathInfos.get(kept.storePath.digest)).toBeDefined();
      expect((await care.stats()).pathInfos).toBe(1);
    });

    it('ends a collection whose signal fires, with its reason', async () => {
      await store.import('a', { file: 'a' });
      const enough = new RangeError('enough');
      const stop = new AbortController();
      const stopped = care.collect({
        signal: stop.signal,
        onProgress: () => stop.abort(enough),
      });
      await expect(stopped).rejects.toBe(enough);
      // The turn is free again as soon as the other side has noticed.
      await expect(untilFree(care)).resolves.toMatchObject({ missing: 0 });
    });

    it('finds damage, mends it, and names what is lost', async () => {
      const { storePath } = await store.import('a', { file: 'some contents' });
      await store.import('b', { file: 'other contents' });
      expect(await care.verify()).toMatchObject({
        damages: 0,
        damagedPaths: 0,
        paths: 2,
      });
      expect((await care.stats()).scrub.finished).toEqual({
        finishedMs: nowMs,
        damages: 0,
      });
      damage('some contents');
      const found: (Damage | PathDamage)[] = [];
      const onDamage = (one: Damage | PathDamage): void => void found.push(one);
      const looked: number[] = [];
      const result = await care.verify({
        onDamage,
        onProgress: ({ records }) => void looked.push(records),
      });
      expect(result).toMatchObject({ damages: 1, damagedPaths: 1 });
      expect(looked.at(-1)).toBe(result.records);
      expect(found).toMatchObject([
        { what: 'chunk', fault: 'wrong' },
        { what: 'path-info', fault: 'unreadable', storePath },
      ]);
      const repaired = await care.repair();
      expect(repaired).toMatchObject({
        quarantinedPacks: 1,
        isIndexDamaged: false,
      });
      expect(repaired.lost).toMatchObject([{ what: 'chunk' }]);
      expect(repaired.lost[0]!.digest).toEqual((found[0] as Damage).digest);
      expect((await care.stats()).quarantine.files).toBe(1);
      await store.import('a', { file: 'some contents' });
      expect(await care.verify()).toMatchObject({
        damages: 0,
        damagedPaths: 0,
      });
    });

    it('forgets paths, and says which were not there', async () => {
      const [a, b] = [
        await store.import('a', { file: 'a' }),
        await store.import('b', { file: 'b' }),
      ];
      const other = StorePath.fromNameAndDigest('other', a.storePath.digest);
      expect(await care.deletePaths([a.storePath, other, a.storePath])).toEqual(
        {
          deleted: [a.storePath],
          missing: [other],
        },
      );
      expect(await store.pathInfos.get(a.storePath.digest)).toBeUndefined();
      expect(await store.pathInfos.get(b.storePath.digest)).toBeDefined();
      nowMs += 100 * HOUR_MS;
      expect((await care.collect()).collected.objects).toBe(2);
    });

    it('keeps what others refer to, unless it is told not to mind', async () => {
      const [a, b] = [
        await store.import('a', { file: 'a' }),
        await store.import('b', { file: 'b' }),
      ];
      await refer(b, a);
      await expect(care.deletePaths([a.storePath])).rejects.toMatchObject({
        code: 'store/path-in-use',
        message: expect.stringContaining(b.storePath.toAbsolutePath()),
      });
      expect(await store.pathInfos.get(a.storePath.digest)).toBeDefined();
      // Together they go.
      await care.deletePaths([a.storePath, b.storePath]);
      expect((await care.stats()).pathInfos).toBe(0);
      await store.pathInfos.put(a);
      await refer(b, a);
      await care.deletePaths([a.storePath], { ignoreReferrers: true });
      expect((await care.stats()).pathInfos).toBe(1);
    });

    it('keeps what is pinned', async () => {
      const { storePath } = await store.import('a', { file: 'a' });
      const [digest] = await store.blobs.putMany([Buffer.from('blob')]);
      const pins: Pin[] = [
        { name: 'blob', target: { type: 'castore', digest: digest! } },
        { name: 'release', target: { type: 'path', storePath } },
      ];
      for (const pin of pins) await care.addPin(pin);
      expect(await allPins(care)).toEqual(pins);
      await expect(
        care.deletePaths([storePath], { ignoreReferrers: true }),
      ).rejects.toMatchObject({ code: 'store/path-in-use' });
      expect(await care.removePin('release')).toBe(true);
      expect(await care.removePin('release')).toBe(false);
      expect(await care.deletePaths([storePath])).toMatchObject({
        missing: [],
      });
    });

    it('pins nothing that is not there, and nothing without a name', async () => {
      const { storePath } = await store.import('a', { file: 'a' });
      const target = { type: 'path', storePath } as const;
      await expect(care.addPin({ name: '', target })).rejects.toMatchObject({
        code: 'store/invalid-pin',
      });
      const nothing = parsePinTarget(`b3:${'A'.repeat(43)}=`);
      await expect(
        care.addPin({ name: 'x', target: nothing }),
      ).rejects.toMatchObject({ code: 'store/nothing-to-pin' });
      const lacking = Directory.fromEntries([
        {
          name: pathComponent('gone'),
          node: {
            type: 'file',
            digest: hashBytes(Buffer.from('gone')),
            size: 4n,
            executable: false,
          },
        },
      ]);
      await store.directories.put(lacking);
      const { digest } = lacking;
      const tree = { name: 'x', target: { type: 'castore', digest } } as const;
      await expect(care.addPin(tree)).rejects.toMatchObject({
        code: 'store/nothing-to-pin',
      });
      const other = StorePath.fromNameAndDigest('other', storePath.digest);
      await expect(
        care.addPin({ name: 'x', target: { type: 'path', storePath: other } }),
      ).rejects.toMatchObject({ code: 'store/nothing-to-pin' });
      expect(await allPins(care)).toEqual([]);
      await store.blobs.putMany([Buffer.from('gone')]);
      await care.addPin(tree);
      expect(await allPins(care)).toEqual([tree]);
    });
  },
);

/** Collects once nobody else does. */
async function untilFree(care: StoreCare): ReturnType<StoreCare['collect']> {
  for (;;) {
    try {
      return await care.collect();
    } catch (error) {
      if (!String(error).includes('already')) throw error;
    }
  }
}

describe('the admin service', () => {
  it('ends what runs when the server stops, and says so', async () => {
    await store.import('a', { file: 'a' });
    const care = await careOf('over gRPC');
    const stopped = care.verify({ onProgress: () => stopping.abort() });
    await expect(stopped).rejects.toMatchObject({
      code: 'castore/unavailable',
      message: expect.stringContaining('the server stops'),
    });
  });

  it('refuses a grace below an hour', async () => {
    const care = await careOf('over gRPC');
    await expect(care.collect({ graceMs: 1 })).rejects.toMatchObject({
      code: 'castore/remote-rejected',
    });
  });

  it('is told apart from a daemon that has none', async () => {
    loopback = await openLoopback(() => {});
    const care = new GrpcStoreCare(loopback.channel);
    for (const act of [
      () => care.stats(),
      () => care.collect(),
      () => care.verify(),
      () => care.repair(),
      () => care.deletePaths([]),
      () => care.removePin('x'),
      () => allPins(care),
    ])
      await expect(act()).rejects.toMatchObject({ code: 'store/no-admin' });
  });
});
