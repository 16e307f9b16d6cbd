import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hashBytes } from '@tvix/castore';
import { StorePath } from '@tvix/nar';
import { importPath } from '../../src/import/import-path.ts';
import { collectStore } from '../../src/local-care/collect.ts';
import { parsePinTarget, Pins } from '../../src/local-care/pins.ts';
import { PathInfo } from '../../src/path-info/path-info.ts';
import { LocalPathInfoService } from '../../src/path-info-service/local.ts';
import { LocalNixStore } from './local-nix-store.ts';

const HOUR_MS = 3_600_000;

let nowMs: number;
let store: LocalNixStore;

beforeEach(async () => {
  nowMs = Date.UTC(2026, 0, 1);
  store = await LocalNixStore.create({ now: () => nowMs });
});
afterEach(() => store.destroy());

async function passHours(hours: number): Promise<void> {
  // What was used is written down within a second.
  await store.reopen();
  nowMs += hours * HOUR_MS;
}

async function names(): Promise<string[]> {
  const found: string[] = [];
  for await (const { storePath } of store.pathInfos.list())
    found.push(storePath.name);
  return found.sort();
}

/** Registers a path again, as one that refers to others. */
async function refer(from: PathInfo, to: readonly PathInfo[]): Promise<void> {
  await store.pathInfos.put(
    PathInfo.create(from.storePath, from.node, {
      ...from.narInfo!,
      references: to.map(({ storePath }) => storePath),
    }),
  );
}

/** A file of its own for each name, 50 kB that don't compress. */
function contents(name: string): Uint8Array {
  let state = name.charCodeAt(0);
  return Uint8Array.from({ length: 50_000 }, () => {
    state = Math.imul(state, 1103515245) + 12345;
    return state >>> 16;
  });
}

describe('collectStore', () => {
  it('forgets no path without a rule', async () => {
    await store.import('a', { file: contents('a') });
    await passHours(1000);
    const result = await collectStore(store);
    expect(result).toMatchObject({ paths: 0, collected: { objects: 0 } });
    expect(await names()).toEqual(['a']);
  });

  it('forgets what was neither registered nor used for so long, and frees its space', async () => {
    const old = await store.import('a', { file: contents('a') });
    const used = await store.import('b', { file: contents('b') });
    await passHours(100);
    if (used.node.type !== 'directory') throw new Error('not a directory');
    await store.directories.get(used.node.digest);
    await store.import('c', { file: contents('c') });
    const options = { keepNewerThanMs: 50 * HOUR_MS };
    const told = await collectStore(store, { ...options, dryRun: true });
    expect(await names()).toEqual(['a', 'b', 'c']);
    const done = await collectStore(store, options);
    expect(told.collected).toEqual(done.collected);
    expect(done).toMatchObject({ paths: 1, missing: 0 });
    expect(await names()).toEqual(['b', 'c']);
    if (old.node.type !== 'directory') throw new Error('not a directory');
    expect(await store.directories.get(old.node.digest)).toBeUndefined();
  });

  it('keeps what a path that stays refers to, however old', async () => {
    const [a, b, c] = [
      await store.import('a', { file: contents('a') }),
      await store.import('b', { file: contents('b') }),
      await store.import('c', { file: contents('c') }),
    ];
    await refer(b, [a]);
    await passHours(100);
    await refer(c, [b]);
    await collectStore(store, { keepNewerThanMs: 50 * HOUR_MS });
    expect(await names()).toEqual(['a', 'b', 'c']);
  });

  it('forgets a path before those that it refers to, though it was used later', async () => {
    const a = await store.import('a', { file: contents('a') });
    await passHours(1);
    const b = await store.import('b', { file: contents('b') });
    await refer(b, [a]);
    await passHours(100);
    const removed: Uint8Array[] = [];
    class Told extends LocalPathInfoService {
      override delete(hashes: readonly Uint8Array[]): Promise<void> {
        removed.push(...hashes);
        return super.delete(hashes);
      }
    }
    const { localStore } = store;
    const pathInfos = new Told(localStore);
    const rules = { keepNewerThanMs: 50 * HOUR_MS };
    await collectStore({ localStore, pathInfos }, rules);
    expect(removed).toEqual([b.storePath.digest, a.storePath.digest]);
  });

  it('forgets what was used longest ago until the rest fits', async () => {
    for (const name of ['a', 'b', 'c', 'd']) {
      await store.import(name, { file: contents(name) });
      await passHours(1);
    }
    await passHours(48);
    const result = await collectStore(store, { maxSizeBytes: 120_000 });
    expect(await names()).toEqual(['c', 'd']);
    expect(result.kept.storedBytes).toBeLessThan(120_000);
  });

  describe('for paths that are named between the choice and the removal', () => {
    const RULES = { keepNewerThanMs: 50 * HOUR_MS };
    let a: PathInfo;
    let b: PathInfo;

    /** Collects, and does something when it was looked at what there is. */
    async function collectWhile(act: () => Promise<unknown>): Promise<void> {
      class Interrupted extends LocalPathInfoService {
        #hasActed = false;

        override async *list(): AsyncGenerator<PathInfo> {
          yield* super.list();
          if (this.#hasActed) return;
          this.#hasActed = true;
          await act();
        }
      }
      const { localStore } = store;
      const pathInfos = new Interrupted(localStore);
      await collectStore({ localStore, pathInfos }, RULES);
    }

    beforeEach(async () => {
      a = await store.import('a', { file: contents('a') });
      b = await store.import('b', { file: contents('b') });
      await store.import('c', { file: contents('c') });
      await refer(b, [a]);
      await passHours(100);
    });

    it('keeps one that is registered again, with what it refers to', async () => {
      await collectWhile(() => refer(b, [a]));
      expect(await names()).toEqual(['a', 'b']);
      expect(await store.blobs.has(hashBytes(contents('a')))).toBe(true);
    });

    it('keeps what a path refers to that is registered for the first time', async () => {
      await collectWhile(() =>
        store.pathInfos.put(
          PathInfo.create(
            StorePath.fromNameAndDigest('new', new Uint8Array(20).fill(7)),
            b.node,
            { ...b.narInfo!, references: [b.storePath] },
          ),
        ),
      );
      expect(await names()).toEqual(['a', 'b', 'new']);
    });

    it('keeps one that is pinned, with what it refers to', async () => {
      const target = parsePinTarget(b.storePath.toAbsolutePath());
      await collectWhile(() =>
        new Pins(store.localStore).add({ name: 'release', target }),
      );
      expect(await names()).toEqual(['a', 'b']);
    });
  });

  it('keeps pinned paths with all they refer to, and pinned trees without a path', async () => {
    const a = await store.import('a', { file: contents('a') });
    const b = await store.import('b', { file: contents('b') });
    await store.import('c', { file: contents('c') });
    await refer(b, [a]);
    const [digest] = await store.blobs.putMany([contents('x')]);
    const pins = new Pins(store.localStore);
    const path = b.storePath.toAbsolutePath();
    await pins.add({ name: 'release', target: parsePinTarget(path) });
    await pins.add({
      name: 'blob',
      target: parsePinTarget(digest!.toString()),
    });
    await passHours(100);
    const result = await collectStore(store, { maxSizeBytes: 0 });
    expect(result.missing).toBe(0);
    expect(await names()).toEqual(['a', 'b']);
    expect(await store.blobs.has(digest!)).toBe(true);
    await new Pins(store.localStore).remove('release');
    await passHours(100);
    await collectStore(store, { maxSizeBytes: 0 });
    expect(await names()).toEqual([]);
  });

  it('keeps a tree that is registered while it runs', async () => {
    const a = await store.import('a', { file: contents('a') });
    await store.pathInfos.delete([a.storePath.digest]);
    await passHours(100);
    await Promise.all([collectStore(store), store.pathInfos.put(a)]);
    const { localStore } = store;
    await collectStore({ ...store, localStore });
    if (a.node.type !== 'directory') throw new Error('not a directory');
    expect(await store.directories.get(a.node.digest)).toBeDefined();
    await importPath(`${store.directory}/a`, store);
  });
});

describe('Pins', () => {
  it.each(['', 'a\nb', 'x'.repeat(256)])(
    'refuses %j for a name',
    async (name) => {
      const target = parsePinTarget('b3:' + 'A'.repeat(43) + '=');
      await expect(
        new Pins(store.localStore).add({ name, target }),
      ).rejects.toMatchObject({ code: 'store/invalid-pin' });
    },
  );

  it('refuses what is neither a store path nor a digest', () => {
    expect(() => parsePinTarget('hello')).toThrow(
      expect.objectContaining({ code: 'store/invalid-pin' }),
    );
  });

  it('lists pins in order after a restart', async () => {
    const target = parsePinTarget('b3:' + 'A'.repeat(43) + '=');
    const pins = new Pins(store.localStore);
    await pins.add({ name: 'b', target });
    await pins.add({ name: 'a', target });
    await store.reopen();
    const listed: string[] = [];
    for await (const { name } of new Pins(store.localStore).list())
      listed.push(name);
    expect(listed).toEqual(['a', 'b']);
  });
});
