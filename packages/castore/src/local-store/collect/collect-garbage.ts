import type { Node } from '../../node/node.ts';
import { takeCareTurn } from '../care-turn.ts';
import { decodeIndexEntry } from '../index/index-entry.ts';
import { scanIndex } from '../index/index-scan.ts';
import type { LocalStore } from '../local-store.ts';
import type { WritingInterior } from '../store-interior.ts';
import { QuietReader } from '../read/quiet-reader.ts';
import { recordSpan } from '../packs/record.ts';
import { freeBytes } from '../stats.ts';
import { asFailure, readOnlyFailure } from '../store-failure.ts';
import { assertKnownFeatures } from '../open/store-format.ts';
import { IndexSpace, type IndexWrite } from '../index/store-index.ts';
import { TOUCH_AFTER_MINUTES } from '../usage/touches.ts';
import { CollectReport, type OnCollectProgress } from './collect-progress.ts';
import { Mark } from './mark.ts';
import { PackedDigestSet } from './packed-digest-set.ts';
import { parentsFirst } from './parents-first.ts';
import { rewriteSparsePacks, type RewrittenPacks } from './rewrite-packs.ts';

/** How a collection runs. */
export interface CollectOptions {
  /** Nodes that are kept, each with all below it. Read once. */
  readonly roots: AsyncIterable<Node>;
  /** What was used within this time is kept, too: at least an hour, a day where left out. */
  readonly graceMs?: number;
  /** Only tells what would go; nothing is changed. */
  readonly dryRun?: boolean;
  readonly onProgress?: OnCollectProgress;
  readonly signal?: AbortSignal;
}

/** Records that were collected, or would be. */
export interface CollectedRecords {
  readonly objects: number;
  /** In the packs, headers and padding included. */
  readonly storedBytes: number;
}

/** What a collection did. */
export interface CollectResult {
  readonly kept: CollectedRecords;
  readonly collected: CollectedRecords;
  /** Records that a root leads to and that aren't stored: those trees were incomplete before. */
  readonly missing: number;
  readonly packs: RewrittenPacks;
}

/** The shortest grace, in milliseconds. */
export const MIN_GRACE_MS: number = 2 * TOUCH_AFTER_MINUTES * 60_000;

/** The grace where none is given, in milliseconds. */
export const DEFAULT_GRACE_MS: number = 24 * 60 * 60_000;

/** As many removals go into one transaction. */
const REMOVED_AT_ONCE = 4000;

/**
 * Removes what no root leads to and nobody used of late, and gives its space back to the file system. Reads and writes
 * go on meanwhile; what they use is kept. Cut off at any point it has removed garbage only, and the next one goes on.
 *
 * Memory: some 50 bytes for each object that is kept.
 *
 * @throws CastoreError `castore/collection-running` where one is, `castore/corrupt-store` where damage hides what is
 *   kept, `castore/store-read-only`, `castore/store-format`, `castore/no-space`, `castore/store-failed`, `castore/io`
 * @throws RangeError where the grace is too short
 */
export async function collectGarbage(
  store: LocalStore,
  options: CollectOptions,
): Promise<CollectResult> {
  assertKnownFeatures(store.format, 'gc');
  const { writing } = store.interior;
  if (writing === undefined) {
    throw readOnlyFailure(store.directory);
  }
  const { graceMs = DEFAULT_GRACE_MS } = options;
  if (!(graceMs >= MIN_GRACE_MS))
    throw new RangeError(`the grace is at least ${MIN_GRACE_MS} ms`);
  const endTurn = takeCareTurn(store);
  const stopSparing = store.interior.index.readSparingly();
  const report = new CollectReport(options.onProgress);
  try {
    makeRoom(store, writing);
    const { missing, counts, isGarbage } = await markAndSweep(
      store,
      writing,
      graceMs,
      report,
      options,
    );
    const packs = await rewriteSparsePacks(store, {
      isGone: isGarbage,
      report,
      signal: options.signal,
    });
    return { ...counts, missing, packs };
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    throw asFailure(`cannot collect garbage in ${store.directory}`, error);
  } finally {
    stopSparing();
    endTurn();
    setAside(writing);
  }
}

interface Swept {
  readonly missing: number;
  readonly counts: Pick<CollectResult, 'kept' | 'collected'>;
  /** In a dry run, which records would be gone. The marks are let go of otherwise. */
  readonly isGarbage: Mark['isGarbage'] | undefined;
}

async function markAndSweep(
  store: LocalStore,
  writing: WritingInterior,
  graceMs: number,
  report: CollectReport,
  options: CollectOptions,
): Promise<Swept> {
  const reader = new QuietReader(store);
  const mark = new Mark(store, reader, cutoffMinutes(store, graceMs));
  const isDryRun = options.dryRun === true;
  writing.watch(mark);
  try {
    await markEverything(store, writing, mark, report, options);
    while (!isDryRun && !mark.condemn()) await mark.drain();
    const counts = await sweep(store, writing, mark, reader, report, options);
    return {
      missing: mark.missing,
      counts,
      isGarbage: isDryRun
        ? (kind, key, touched) => mark.isGarbage(kind, key, touched)
        : undefined,
    };
  } finally {
    writing.watch(undefined);
    reader.close();
  }
}

/** What was used before this minute may go: neither within the grace nor since an upload began that is under way. */
function cutoffMinutes(store: LocalStore, graceMs: number): number {
  const { now, writing } = store.interior;
  const graceStart = now() - graceMs;
  const leased = writing?.leases.oldestMs();
  const start =
    leased === undefined
      ? graceStart
      : Math.min(graceStart, leased - TOUCH_AFTER_MINUTES * 60_000);
  return Math.floor(start / 60_000);
}

async function markEverything(
  store: LocalStore,
  { touches }: WritingInterior,
  mark: Mark,
  report: CollectReport,
  { roots, signal }: CollectOptions,
): Promise<void> {
  let done = 0;
  for (const indexKey of touches.pending())
    mark.reach(indexKey[0]!, indexKey.subarray(1));
  for await (const node of roots) {
    signal?.throwIfAborted();
    mark.reachNode(node);
    await mark.drain();
    await report.tell('mark', (done += 1));
  }
  await report.tell('mark', done, true);
  // What is kept for its age keeps what is below it.
  for (const space of [IndexSpace.recipe, IndexSpace.directory]) {
    for await (const page of scanIndex(store.interior.index, space)) {
      signal?.throwIfAborted();
      for (const [indexKey, entry] of page) {
        const key = indexKey.subarray(1);
        const { touched } = decodeIndexEntry(indexKey, entry);
        // A chunk needs no mark for its age, and what is marked needs no second look.
        if (!mark.isGarbage(space, key, touched)) mark.reach(space, key);
      }
      await mark.drain();
    }
  }
}

/** Cut off at any point, no directory and no recipe stays whose parts are gone: what leads to others goes before them. */
async function sweep(
  store: LocalStore,
  { queue }: WritingInterior,
  mark: Mark,
  reader: QuietReader,
  report: CollectReport,
  { dryRun = false, signal }: CollectOptions,
): Promise<Pick<CollectResult, 'kept' | 'collected'>> {
  const { index } = store.interior;
  const kept = { objects: 0, storedBytes: 0 };
  const collected = { objects: 0, storedBytes: 0 };
  const waiting: Buffer[] = [];
  const remove = async (fewest: number): Promise<void> => {
    signal?.throwIfAborted();
    if (waiting.length < fewest) return;
    const keys = waiting.splice(0);
    if (keys.length > 0) await queue.amend(() => removals(store, mark, keys));
  };
  const directories = new PackedDigestSet();
  for (const space of [
    IndexSpace.directory,
    IndexSpace.recipe,
    IndexSpace.chunk,
  ]) {
    for await (const page of scanIndex(index, space)) {
      signal?.throwIfAborted();
      for (const [indexKey, entry] of page) {
        const { touched, storedLength } = decodeIndexEntry(indexKey, entry);
        const key = indexKey.subarray(1);
        const isGarbage = mark.isGarbage(space, key, touched);
        const count = isGarbage ? collected : kept;
        count.objects += 1;
        count.storedBytes += recordSpan(storedLength);
        if (!isGarbage || dryRun) continue;
        if (space === IndexSpace.directory) directories.add(key);
        else waiting.push(indexKey);
      }
      await report.tell('sweep', kept.objects + collected.objects);
      await remove(REMOVED_AT_ONCE);
    }
    if (space === IndexSpace.directory) {
      for await (const indexKey of parentsFirst(reader, directories)) {
        waiting.push(indexKey);
        await remove(REMOVED_AT_ONCE);
      }
    }
    await remove(0);
  }
  await report.tell('sweep', kept.objects + collected.objects, true);
  return { kept, collected };
}

/** The removals of what is still garbage: what was stored again meanwhile has a younger entry. */
function removals(
  store: LocalStore,
  mark: Mark,
  keys: readonly Buffer[],
): IndexWrite[] {
  const writes: IndexWrite[] = [];
  for (const key of keys) {
    const entry = store.interior.index.get(key);
    if (entry === undefined) continue;
    const { touched } = decodeIndexEntry(key, entry);
    if (mark.isGarbage(key[0]!, key.subarray(1), touched))
      writes.push({ key, value: undefined });
  }
  return writes;
}

function setAside({ reserve }: WritingInterior): void {
  try {
    reserve.ensure();
  } catch {
    // What came of the collection matters more; the next one tries again, as does the next open.
  }
}

/** On a disk that is nearly full, the space that was set aside for this moment is given back. */
function makeRoom(store: LocalStore, { reserve }: WritingInterior): void {
  if (freeBytes(store.directory) < reserve.bytes) reserve.release();
}
