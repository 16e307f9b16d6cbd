import fs from 'node:fs';
import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  it,
} from '@jest/globals';
import type { LocalStore } from '../../../src/local-store/local-store.ts';
import { openLocalStore } from '../../../src/local-store/open/open-local-store.ts';
import type { Damage } from '../../../src/local-store/verify/damage.ts';
import { repairLocalStore } from '../../../src/local-store/verify/repair-store.ts';
import { verifyLocalStore } from '../../../src/local-store/verify/verify-store.ts';
import { randomNumbers } from '../../support/random-numbers.ts';
import { Furniture, furnishedDirectory, OPTIONS } from './furnished-store.ts';
import { damagePack, type PackDamage, packFiles } from './pack-damage.ts';

/** Of each damage. */
const TRIALS = process.env['TVIX_FAULTS'] === 'full' ? 250 : 25;

const furniture = new Furniture();
let original: string;
let directory: string;
let store: LocalStore | undefined;

beforeAll(async () => {
  original = await furnishedDirectory(furniture);
});
afterAll(() => fs.rmSync(original, { recursive: true }));
afterEach(async () => {
  await store?.close();
  fs.rmSync(directory, { recursive: true, force: true });
});

async function open(readOnly = false): Promise<LocalStore> {
  await store?.close();
  return (store = await openLocalStore(directory, { ...OPTIONS, readOnly }));
}

async function verify(): Promise<Damage[]> {
  const damages: Damage[] = [];
  await verifyLocalStore(store!, {
    onDamage: (damage) => void damages.push(damage),
  });
  return damages;
}

async function repair(): ReturnType<typeof repairLocalStore> {
  await store?.close();
  store = undefined;
  const repaired = await repairLocalStore(() =>
    openLocalStore(directory, OPTIONS),
  );
  store = repaired.store;
  return repaired;
}

function copyOriginal(trial: string): void {
  directory = `${original}-${trial}`;
  fs.cpSync(original, directory, { recursive: true });
}

describe('a store with a damaged pack', () => {
  it('has nothing to tell while it is sound', async () => {
    copyOriginal('sound');
    await open();
    expect(await verify()).toEqual([]);
    expect(await furniture.read(store!)).toEqual({
      right: furniture.size,
      damaged: 0,
    });
    expect(
      store!.interior.packs.all().map((pack) => pack.verifiedMs),
    ).not.toContain(0);
  });

  it.each<PackDamage>(['flip', 'zero', 'cut', 'swap'])(
    'serves no wrong byte, tells of it, and is mended (%s)',
    async (damage) => {
      for (let trial = 0; trial < TRIALS; trial += 1) {
        copyOriginal(`${damage}-${trial}`);
        damagePack(
          directory,
          damage,
          randomNumbers(1000 * trial + damage.length),
        );
        const isSame = packFiles(original).every((file, i) =>
          fs
            .readFileSync(file)
            .equals(fs.readFileSync(packFiles(directory)[i]!)),
        );
        if (isSame) {
          fs.rmSync(directory, { recursive: true });
          continue;
        }
        await open(true);
        const found = await verify();
        if (found.length === 0)
          throw new Error(`trial ${trial}: nothing found`);
        const { result } = await repair();
        expect(result.quarantinedPacks).toBe(1);
        expect(
          (await verify()).filter(({ fault }) => fault !== 'incomplete'),
        ).toEqual([]);
        const { damaged } = await furniture.read(store!);
        if (damaged > 0) expect(result.lost.length).toBeGreaterThan(0);
        // What was lost is stored again, and all is well.
        await furniture.put(store!);
        expect(await verify()).toEqual([]);
        expect((await furniture.read(store!)).damaged).toBe(0);
        await store!.close();
        fs.rmSync(directory, { recursive: true });
      }
    },
    600_000,
  );

  it('serves no wrong byte before anybody verifies', async () => {
    for (let trial = 0; trial < TRIALS; trial += 1) {
      copyOriginal(`read-${trial}`);
      const random = randomNumbers(trial);
      for (const damage of ['flip', 'zero', 'swap'] as const)
        damagePack(directory, damage, random);
      await open();
      // A read finds the first damaged chunk of a blob, and a put mends that.
      for (let round = 0; round < 3; round += 1) {
        await furniture.read(store!);
        await furniture.put(store!);
      }
      expect((await furniture.read(store!)).damaged).toBe(0);
      await store!.close();
      fs.rmSync(directory, { recursive: true });
    }
  }, 600_000);

  it('names a pack that is gone, and exactly what was in it', async () => {
    copyOriginal('gone');
    const [file] = packFiles(directory);
    fs.rmSync(file!);
    await open(true);
    const missing = await verify();
    expect(missing.map(({ fault }) => fault)).toContain('missing');
    const { damaged } = await furniture.read(store!);
    const { result } = await repair();
    // Short table values stand in the index too: a repair writes them to another pack.
    expect((await furniture.read(store!)).damaged).toBe(damaged);
    await store!.close();
    fs.rmSync(`${directory}/meta`, { recursive: true });
    await open();
    expect((await furniture.read(store!)).damaged).toBe(damaged);
    // A blob of many chunks counts as one.
    expect(result.lost.length).toBeGreaterThanOrEqual(damaged);
  });

  it('keeps what it took out of service', async () => {
    copyOriginal('kept');
    damagePack(directory, 'flip', randomNumbers(5));
    const before = packFiles(directory).map((file) => fs.readFileSync(file));
    await repair();
    const kept = fs.readdirSync(`${directory}/quarantine`);
    expect(kept).toHaveLength(1);
    const bytes = fs.readFileSync(`${directory}/quarantine/${kept[0]}`);
    expect(
      before.some((pack) => bytes.subarray(0, pack.length).equals(pack)),
    ).toBe(true);
  });
});
