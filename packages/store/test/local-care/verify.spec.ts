import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Damage } from '@tvix/castore';
import { verifyStore } from '../../src/local-care/verify.ts';
import type { PathDamage } from '../../src/local-care/verify.ts';
import { LocalStoreCare } from '../../src/store-care/local.ts';
import { PathInfo } from '../../src/path-info/path-info.ts';
import { storeEndlessTree } from '../fixtures.ts';
import { LocalNixStore } from './local-nix-store.ts';

let store: LocalNixStore;

beforeEach(async () => {
  store = await LocalNixStore.create();
});
afterEach(() => store.destroy());

const files = { 'bin/hello': 'the program', 'share/text': 'text\n'.repeat(99) };

async function verify(): Promise<(Damage | PathDamage)[]> {
  const damages: (Damage | PathDamage)[] = [];
  await verifyStore(store.localStore, {
    onDamage: (damage) => void damages.push(damage),
  });
  return damages;
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
    return;
  }
  throw new Error('no pack has that');
}

describe('verifyStore', () => {
  it('finds nothing in a sound store', async () => {
    await store.import('a', files);
    expect(await verify()).toEqual([]);
  });

  it('finds path infos whose NAR is another', async () => {
    const { storePath, node, narInfo } = await store.import('a', files);
    const narSha256 = new Uint8Array(32);
    await store.pathInfos.put(
      PathInfo.create(storePath, node, { ...narInfo!, narSha256 }),
    );
    expect(await verify()).toMatchObject([
      {
        what: 'path-info',
        fault: 'wrong',
        message: 'its NAR has another hash',
      },
    ]);
    const narSize = narInfo!.narSize + 8n;
    await store.pathInfos.put(
      PathInfo.create(storePath, node, { ...narInfo!, narSize }),
    );
    expect(await verify()).toMatchObject([{ fault: 'wrong' }]);
  });

  it('finds path infos of trees that are far larger, without reading these', async () => {
    const { storePath, narInfo } = await store.import('a', files);
    const node = await storeEndlessTree(store.directories);
    await store.pathInfos.put(PathInfo.create(storePath, node, narInfo!));
    expect(await verify()).toMatchObject([
      {
        what: 'path-info',
        fault: 'wrong',
        message: expect.stringMatching(/^its NAR has \d{12,} bytes instead of/),
      },
    ]);
  });

  it('finds the paths that a damaged blob is part of', async () => {
    const damaged = await store.import('a', files);
    await store.import('b', { other: 'not damaged' });
    damage('the program');
    const found = await verify();
    expect(found).toMatchObject([
      { what: 'chunk', fault: 'wrong' },
      { what: 'path-info', fault: 'unreadable' },
    ]);
    expect((found[1] as PathDamage).storePath).toEqual(damaged.storePath);
  });
});

describe('a repair', () => {
  it('says what was lost, and the same import brings it back', async () => {
    await store.import('a', files);
    damage('the program');
    const care = new LocalStoreCare(store.localStore);
    const result = await care.repair();
    expect(result).toMatchObject({
      isIndexRebuilt: false,
      isIndexDamaged: false,
      quarantinedPacks: 1,
      damagedPaths: 1,
    });
    expect(result.lost).toHaveLength(1);
    await store.reopen();
    expect(await verify()).toMatchObject([
      { what: 'directory', fault: 'incomplete' },
      { what: 'path-info', fault: 'incomplete' },
    ]);
    await store.import('a', files);
    expect(await verify()).toEqual([]);
  });
});
