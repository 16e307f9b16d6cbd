import { B3Digest } from '../../digest/b3-digest.ts';
import { Removals } from '../collect/removals.ts';
import { RecordMover } from '../collect/record-mover.ts';
import { retirePack } from '../collect/rewrite-packs.ts';
import { takeCareTurn } from '../care-turn.ts';
import { CastoreError } from '../../errors.ts';
import { decodeIndexEntry } from '../index/index-entry.ts';
import { scanIndex } from '../index/index-scan.ts';
import type { LocalStore } from '../local-store.ts';
import { measurePack, type Pack } from '../packs/packs.ts';
import { markForRebuild, storePaths } from '../open/recovery.ts';
import { asFailure } from '../store-failure.ts';
import { IndexSpace } from '../index/store-index.ts';
import { splitTableIndexKey } from '../tables/table-entry.ts';
import type { Damage } from './damage.ts';
import { namesOfSpaces, type RecordSpace } from './inspect-entry.ts';
import { rescueValues } from './rescue-values.ts';
import {
  verifyLocalStore,
  type VerifyOptions,
  type VerifyResult,
} from './verify-store.ts';

/** A record that is gone until the same content is stored again. */
export interface LostRecord {
  readonly what: (typeof namesOfSpaces)[RecordSpace];
  /** `undefined` for entries of tables. */
  readonly digest: B3Digest | undefined;
  /** For entries of tables: the name of the table, and the key. */
  readonly table: string | undefined;
  readonly key: Uint8Array | undefined;
}

/** What a repair found and did. */
export interface RepairResult extends VerifyResult {
  /** The index can't be believed: it is made again from the packs when the store is opened next, and nothing else was done. */
  readonly isIndexDamaged: boolean;
  readonly isIndexRebuilt: boolean;
  /** Packs that were moved to the quarantine, their sound records stored anew before. */
  readonly quarantinedPacks: number;
  readonly lost: readonly LostRecord[];
}

const SPACES: readonly RecordSpace[] = [
  IndexSpace.tables,
  IndexSpace.directory,
  IndexSpace.recipe,
  IndexSpace.chunk,
];

/**
 * Verifies a store and mends what can be mended, see {@link repairOpenStore}. A damaged index is made again from the packs
 * alone, the old one moved to the quarantine. Answers with the store, opened again where that was needed.
 *
 * @throws CastoreError as opening does, `castore/no-space`
 */
export async function repairLocalStore(
  open: () => Promise<LocalStore>,
  options: VerifyOptions = {},
): Promise<{ readonly store: LocalStore; readonly result: RepairResult }> {
  let store = await open();
  try {
    let result = await repairOpenStore(store, options);
    if (result.isIndexDamaged) {
      await store.close();
      store = await open();
      result = await repairOpenStore(store, options);
      result = { ...result, isIndexRebuilt: true };
    }
    return { store, result };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * Verifies a store that stays open, and mends what can be mended meanwhile: packs with damage are moved to the quarantine
 * as they are, once their sound records are durable elsewhere. Nothing is deleted. What can't be read for now stays as
 * it is. Reads and writes go on.
 *
 * @throws CastoreError `castore/collection-running`, `castore/store-read-only`, `castore/no-space`
 */
export async function repairOpenStore(
  store: LocalStore,
  options: VerifyOptions = {},
): Promise<RepairResult> {
  const endTurn = takeCareTurn(store);
  try {
    return await verifyAndMend(store, options);
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    throw asFailure(`cannot repair ${store.directory}`, error);
  } finally {
    endTurn();
  }
}

async function verifyAndMend(
  store: LocalStore,
  options: VerifyOptions,
): Promise<RepairResult> {
  const damages: Damage[] = [];
  const result = await verifyLocalStore(store, {
    ...options,
    onDamage(damage) {
      damages.push(damage);
      options.onDamage?.(damage);
    },
  });
  if (damages.some(({ what }) => what === 'index')) {
    markForRebuild(storePaths(store.directory));
    return {
      ...result,
      isIndexDamaged: true,
      isIndexRebuilt: false,
      quarantinedPacks: 0,
      lost: [],
    };
  }
  const numbers = new Set(
    damages
      .filter(({ fault }) => fault === 'wrong' || fault === 'missing')
      .map(({ pack }) => pack),
  );
  const packs = store.interior.packs
    .all()
    .filter(({ number }) => numbers.has(number));
  return {
    ...result,
    isIndexDamaged: false,
    isIndexRebuilt: false,
    ...(await quarantine(store, packs)),
  };
}

async function quarantine(
  store: LocalStore,
  packs: readonly Pack[],
): Promise<Pick<RepairResult, 'lost' | 'quarantinedPacks'>> {
  if (packs.length === 0) return { lost: [], quarantinedPacks: 0 };
  const { writing } = store.interior;
  if (packs.some(({ isSealed }) => !isSealed)) await writing!.queue.sealPack();
  const removals = await Removals.find(store, packs);
  const mover = new RecordMover(store, removals);
  const emptied = new Map<number, Pack>();
  for (const pack of packs) {
    measurePack(pack);
    try {
      await mover.copy(pack);
      await mover.settle();
      emptied.set(pack.number, pack);
    } catch (error) {
      // It can't be read for now: its records may be sound.
      if (!(error instanceof CastoreError && error.code === 'castore/io'))
        throw error;
    }
  }
  await rescueValues(store, (pack) => emptied.has(pack));
  const lost: LostRecord[] = [];
  for (const space of SPACES) {
    const keys: Buffer[] = [];
    for await (const page of scanIndex(store.interior.index, space))
      for (const [key, entry] of page)
        if (emptied.has(decodeIndexEntry(key, entry).pack)) keys.push(key);
    await writing!.queue.amend(() =>
      keys
        .filter((key) => {
          const entry = store.interior.index.get(key);
          return entry && emptied.has(decodeIndexEntry(key, entry).pack);
        })
        .map((key) => ({ key, value: undefined })),
    );
    for (const key of keys) lost.push(lostRecord(space, key));
  }
  for (const pack of emptied.values())
    await retirePack(store, writing!, pack, 'quarantined');
  return { lost, quarantinedPacks: emptied.size };
}

function lostRecord(space: RecordSpace, indexKey: Buffer): LostRecord {
  const what = namesOfSpaces[space];
  if (space !== IndexSpace.tables) {
    const digest = B3Digest.fromBytes(new Uint8Array(indexKey.subarray(1)));
    return { what, digest, table: undefined, key: undefined };
  }
  return { what, digest: undefined, ...splitTableIndexKey(indexKey) };
}
