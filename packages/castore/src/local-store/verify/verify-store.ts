import type { LocalStore } from '../local-store.ts';
import { assertKnownFeatures } from '../open/store-format.ts';
import { countKeys } from './count-keys.ts';
import { type Damage, indexDamage } from './damage.ts';
import { noteVerified } from './note-verified.ts';
import { verifyPacks } from './verify-packs.ts';
import { verifyRecords } from './verify-records.ts';

/** How a store is verified. */
export interface VerifyOptions {
  /** Hears of each damage when it is found. */
  readonly onDamage?: (damage: Damage) => void;
  /** Hears now and then how far it has come, and is waited for. */
  readonly onProgress?: (progress: VerifyProgress) => void | Promise<void>;
  /** Reads no faster than this on average; as fast as it goes where left out. */
  readonly bytesPerSecond?: number;
  readonly signal?: AbortSignal;
}

/** How far a verification has come. */
export interface VerifyProgress {
  readonly records: number;
  /** Of packs. */
  readonly bytes: number;
}

/** What was looked at. */
export interface VerifyResult extends VerifyProgress {
  readonly damages: number;
  /** Records in packs that nothing leads to: garbage that a collection will take. */
  readonly unreferenced: number;
}

/**
 * Reads every record that the index leads to, checks it against its key, and that what it leads to is stored; and looks
 * whether packs and index agree. What fails is read again before it counts. Nothing is changed but, where the store is
 * open for writing, the time at which its packs were last found sound. Reads, writes and collections go on meanwhile.
 *
 * @throws CastoreError `castore/store-format`, `castore/closed`
 */
export async function verifyLocalStore(
  store: LocalStore,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  assertKnownFeatures(store.format, 'check');
  const stopSparing = store.interior.index.readSparingly();
  try {
    return await verify(store, options);
  } finally {
    stopSparing();
  }
}

async function verify(
  store: LocalStore,
  options: VerifyOptions,
): Promise<VerifyResult> {
  const { index, now } = store.interior;
  const { bytesPerSecond, signal } = options;
  const startedMs = now();
  const damagedPacks = new Set<number | undefined>();
  const result = { records: 0, bytes: 0, damages: 0, unreferenced: 0 };
  const report = (damage: Damage): void => {
    result.damages += 1;
    damagedPacks.add(damage.pack);
    options.onDamage?.(damage);
  };
  await verifyRecords(store, {
    report,
    onPage({ records, bytes }) {
      result.records += records;
      result.bytes += bytes;
      return options.onProgress?.(result);
    },
    bytesPerSecond,
    signal,
  });
  try {
    const miscounted = await countKeys(index);
    if (miscounted !== undefined) report(miscounted);
  } catch (cause) {
    report(indexDamage("its keys can't be counted", cause));
  }
  const packs = await verifyPacks(store, report, signal);
  result.unreferenced = Math.max(0, packs.records - result.records);
  const { damages } = result;
  await noteVerified(store, { startedMs, damages, damagedPacks });
  return result;
}
