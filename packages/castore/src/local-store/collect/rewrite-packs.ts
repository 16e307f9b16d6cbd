import { CastoreError } from '../../errors.ts';
import { decodeIndexEntry } from '../index/index-entry.ts';
import { scanIndex } from '../index/index-scan.ts';
import type { LocalStore } from '../local-store.ts';
import type { WritingInterior } from '../store-interior.ts';
import { type Pack, Packs } from '../packs/packs.ts';
import { recordSpan } from '../packs/record.ts';
import { removeRetired, storePaths } from '../open/recovery.ts';
import { IndexSpace } from '../index/store-index.ts';
import type { CollectReport } from './collect-progress.ts';
import { RecordMover } from './record-mover.ts';
import { Removals } from './removals.ts';

/** What became of the packs. */
export interface RewrittenPacks {
  /** Taken out of service, what was left in them moved to others; in a dry run those that would be. */
  readonly removed: number;
  /** Of records that were moved, or would be. */
  readonly movedBytes: number;
  /** What the file system got back: the removed files less what was moved. */
  readonly freedBytes: number;
  /** Packs that stay for they are damaged, or for the disk has no room for what they hold. */
  readonly left: number;
}

/** How sparse packs are found and rewritten. */
export interface RewriteOptions {
  /** Of a dry run: whether a record would be gone by now. Nothing is changed then. */
  readonly isGone:
    | ((kind: number, key: Uint8Array, touchedMinutes: number) => boolean)
    | undefined;
  readonly report: CollectReport;
  readonly signal?: AbortSignal | undefined;
}

/** A pack of which less than this is live is rewritten. */
const LIVE_SHARE = 0.5;

/** So much is copied before the index leads to the copies and the packs go. */
const BATCH_BYTES = 256 * 1024 * 1024;
const BATCH_OBJECTS = 100_000;

interface Live {
  objects: number;
  bytes: number;
}

const NOTHING: Readonly<Live> = { objects: 0, bytes: 0 };

/**
 * Rewrites the packs that are less than half live: what the index leads to is appended to the open pack and durable
 * there, then the index leads there, then the old file goes. Each step leaves a store that is whole.
 */
export async function rewriteSparsePacks(
  store: LocalStore,
  options: RewriteOptions,
): Promise<RewrittenPacks> {
  const { packs, writing } = store.interior;
  // Into a sealed pack nothing new leads: what is counted now is all that there will be to move.
  const sealed = new Set(packs.all().filter(({ isSealed }) => isSealed));
  const live = await liveRecords(store, options.isGone);
  const bytesOf = (pack: Pack): number => live.get(pack.number)?.bytes ?? 0;
  let victims = packs
    .all()
    .filter((pack) => bytesOf(pack) < LIVE_SHARE * pack.committedLength)
    // Those without anything to move free their space first.
    .sort((a, b) => bytesOf(a) - bytesOf(b));
  const total = { removed: 0, movedBytes: 0, freedBytes: 0, left: 0 };
  if (options.isGone !== undefined) {
    for (const pack of victims) {
      total.removed += 1;
      total.movedBytes += bytesOf(pack);
      total.freedBytes += pack.availableLength - bytesOf(pack);
    }
    return total;
  }
  // Copies go to the open pack: it is no victim before it is sealed, for which a full disk may have no room.
  if (
    !victims.every(({ isSealed }) => isSealed) &&
    !(await sealOpenPack(store))
  )
    victims = victims.filter(({ isSealed }) => isSealed);
  if (victims.length === 0) return total;
  const removals = await Removals.find(store, victims);
  const mover = new RecordMover(store, removals);
  for (const batch of batches(victims, live)) {
    options.signal?.throwIfAborted();
    const copied: Pack[] = [];
    for (const pack of batch) {
      try {
        const bytes = await mover.copy(pack);
        total.movedBytes += bytes;
        total.freedBytes -= bytes;
        copied.push(pack);
      } catch (error) {
        if (!isNoSpace(error)) throw error;
        total.left += 1;
      }
    }
    const moved = await settled(mover);
    if (moved === undefined) {
      total.left += copied.length;
      continue;
    }
    const isEmpty = (pack: Pack): boolean =>
      sealed.has(pack) &&
      (moved.get(pack.number) ?? 0) ===
        (live.get(pack.number) ?? NOTHING).objects;
    // What was stored anew, removed or damaged meanwhile makes a difference that only the index can tell.
    const leading = copied.every(isEmpty)
      ? undefined
      : await liveRecords(store, undefined);
    for (const pack of copied) {
      if (leading?.has(pack.number) === true) {
        total.left += 1;
        continue;
      }
      total.removed += 1;
      total.freedBytes += pack.availableLength;
      await retirePack(store, writing!, pack, 'removed');
      removals.forget(pack);
    }
    await options.report.tell('rewrite', total.removed + total.left, true);
  }
  return total;
}

/** Takes a pack that nothing leads into out of service, for good or to the quarantine. */
export async function retirePack(
  store: LocalStore,
  { queue, forgetPack }: WritingInterior,
  pack: Pack,
  retirement: NonNullable<Pack['retirement']>,
): Promise<void> {
  const retired: Pack = { ...pack, isSealed: true, retirement };
  await queue.amend(() => [Packs.write(retired)]);
  Object.assign(pack, retired);
  forgetPack(pack);
  await removeRetired(
    storePaths(store.directory),
    { commit: (writes) => queue.amend(() => writes) },
    store.interior.packs,
    pack,
  );
}

/** The records that the index leads to, by the numbers of their packs. */
async function liveRecords(
  store: LocalStore,
  isGone: RewriteOptions['isGone'],
): Promise<Map<number, Live>> {
  const found = new Map<number, Live>();
  for (const space of [
    IndexSpace.chunk,
    IndexSpace.recipe,
    IndexSpace.directory,
    IndexSpace.tables,
  ]) {
    for await (const page of scanIndex(store.interior.index, space)) {
      for (const [key, entry] of page) {
        const { pack, storedLength, touched } = decodeIndexEntry(key, entry);
        if (isGone?.(space, key.subarray(1), touched) === true) continue;
        let live = found.get(pack);
        if (live === undefined)
          found.set(pack, (live = { objects: 0, bytes: 0 }));
        live.objects += 1;
        live.bytes += recordSpan(storedLength);
      }
    }
  }
  return found;
}

function* batches(
  packs: readonly Pack[],
  live: ReadonlyMap<number, Live>,
): Generator<Pack[]> {
  let batch: Pack[] = [];
  let sum = NOTHING;
  for (const pack of packs) {
    const { bytes, objects } = live.get(pack.number) ?? NOTHING;
    // Those without anything to move go by themselves: the others may need their space.
    if (batch.length > 0 && sum.bytes === 0 && bytes > 0) {
      yield batch;
      batch = [];
    }
    batch.push(pack);
    sum = { bytes: sum.bytes + bytes, objects: sum.objects + objects };
    if (sum.bytes < BATCH_BYTES && sum.objects < BATCH_OBJECTS) continue;
    yield batch;
    batch = [];
    sum = NOTHING;
  }
  if (batch.length > 0) yield batch;
}

/** Seals the open pack; false where the disk has no room for that. */
async function sealOpenPack({ interior }: LocalStore): Promise<boolean> {
  try {
    await interior.writing!.queue.sealPack();
    return true;
  } catch (error) {
    if (!isNoSpace(error)) throw error;
    return false;
  }
}

/** `undefined` where the disk has no room for that. */
async function settled(
  mover: RecordMover,
): Promise<ReadonlyMap<number, number> | undefined> {
  try {
    return await mover.settle();
  } catch (error) {
    if (!isNoSpace(error)) throw error;
    return undefined;
  }
}

function isNoSpace(error: unknown): boolean {
  return error instanceof CastoreError && error.code === 'castore/no-space';
}
