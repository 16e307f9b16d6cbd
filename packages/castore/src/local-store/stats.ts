import fs from 'node:fs';
import path from 'node:path';
import { decodeIndexEntry } from './index/index-entry.ts';
import { scanIndex } from './index/index-scan.ts';
import type { LocalStore } from './local-store.ts';
import { currentPacks } from './packs/current-packs.ts';
import { measurePack, type Pack } from './packs/packs.ts';
import { recordSpan } from './packs/record.ts';
import { storePaths } from './open/recovery.ts';
import { errnoOf } from './store-failure.ts';
import { IndexSpace } from './index/store-index.ts';
import {
  readScrubState,
  type ScrubPass,
  type ScrubState,
} from './verify/scrub-state.ts';

/** A number of records, and what they take. */
export interface RecordCount {
  readonly objects: number;
  /** What they hold, before compression. */
  readonly rawBytes: number;
  /** What they take in the packs, headers and padding included. */
  readonly storedBytes: number;
}

/** Looking for damage. Times are milliseconds since 1970. */
export interface ScrubStats {
  /** The pass in the background that is under way, or was when the store was closed; left out between passes. */
  readonly pass?: Pick<
    ScrubPass,
    'startedMs' | 'records' | 'bytes' | 'damages'
  >;
  /** When everything was last looked at, and what was found then; left out where it never was. */
  readonly finished?: { readonly finishedMs: number; readonly damages: number };
}

/** What a local store holds and what that takes, counted anew. All sizes in bytes. */
export interface LocalStoreStats {
  /** Blobs of one chunk, and the chunks of larger ones. */
  readonly chunks: RecordCount;
  /** The lists of chunks that make larger blobs, one a blob. */
  readonly recipes: RecordCount;
  readonly directories: RecordCount;
  /** Entries of the tables, by the tables' names. */
  readonly tables: Readonly<Record<string, RecordCount>>;
  /** What compression saved: the payloads' raw bytes less their stored ones. */
  readonly savedByCompressionBytes: number;
  readonly packs: {
    readonly count: number;
    readonly bytes: number;
    /** Of records that the index leads to. */
    readonly liveBytes: number;
    /** Packs less than half of which is live: a collection rewrites them. */
    readonly sparse: number;
    /** Packs that are gone or shorter than they should be. */
    readonly damaged: number;
    /** When the pack that waited longest was verified, in milliseconds since 1970; `undefined` where one never was. */
    readonly verifiedSinceMs: number | undefined;
  };
  readonly indexBytes: number;
  readonly scrub: ScrubStats;
  readonly quarantine: { readonly files: number; readonly bytes: number };
  readonly reserveBytes: number;
  /** Of the file system. */
  readonly freeBytes: number;
}

/**
 * Counts a store by a walk over its index. It doesn't read the packs, and disturbs neither readers nor writers.
 *
 * @throws CastoreError `castore/corrupt-store`, `castore/io`
 */
export async function countLocalStore(
  store: LocalStore,
): Promise<LocalStoreStats> {
  const stopSparing = store.interior.index.readSparingly();
  try {
    return await count(store);
  } finally {
    stopSparing();
  }
}

async function count(store: LocalStore): Promise<LocalStoreStats> {
  const { index } = store.interior;
  const liveBytes = new Map<number, number>();
  let saved = 0;
  const countSpace = async (
    space: number,
    nameOf: (indexKey: Buffer) => string,
    counts: Map<string, Counter>,
  ): Promise<void> => {
    for await (const page of scanIndex(index, space)) {
      for (const [key, value] of page) {
        const location = decodeIndexEntry(key, value);
        const span = recordSpan(location.storedLength);
        const before = liveBytes.get(location.pack) ?? 0;
        liveBytes.set(location.pack, before + span);
        saved += location.rawLength - location.storedLength;
        const name = nameOf(key);
        let counter = counts.get(name);
        if (counter === undefined) counts.set(name, (counter = new Counter()));
        counter.objects += 1;
        counter.rawBytes += location.rawLength;
        counter.storedBytes += span;
      }
    }
  };
  const countKind = async (space: number): Promise<RecordCount> => {
    const counts = new Map<string, Counter>();
    await countSpace(space, () => '', counts);
    return counts.get('') ?? new Counter();
  };
  const chunks = await countKind(IndexSpace.chunk);
  const recipes = await countKind(IndexSpace.recipe);
  const directories = await countKind(IndexSpace.directory);
  const tables = new Map<string, Counter>();
  await countSpace(IndexSpace.tables, tableOf, tables);
  const paths = storePaths(store.directory);
  return {
    chunks,
    recipes,
    directories,
    tables: Object.fromEntries(tables),
    savedByCompressionBytes: saved,
    packs: countPacks(currentPacks(store).all(), liveBytes),
    indexBytes: usage(paths.meta).bytes,
    scrub: scrubStats(readScrubState(index)),
    quarantine: usage(paths.quarantine),
    reserveBytes: usage(path.join(store.directory, 'reserve')).bytes,
    freeBytes: freeBytes(store.directory),
  };
}

/** What an unprivileged process may still write to a file system, in bytes. */
export function freeBytes(directory: string): number {
  const { bavail, bsize } = fs.statfsSync(directory);
  return bavail * bsize;
}

function scrubStats({
  pass,
  finishedMs,
  foundDamages = 0,
}: ScrubState): ScrubStats {
  return {
    ...(pass && {
      pass: {
        startedMs: pass.startedMs,
        records: pass.records,
        bytes: pass.bytes,
        damages: pass.damages,
      },
    }),
    ...(finishedMs !== undefined && {
      finished: { finishedMs, damages: foundDamages },
    }),
  };
}

class Counter implements RecordCount {
  objects = 0;
  rawBytes = 0;
  storedBytes = 0;
}

function countPacks(
  packs: readonly Pack[],
  liveBytes: ReadonlyMap<number, number>,
): LocalStoreStats['packs'] {
  let bytes = 0;
  let live = 0;
  let sparse = 0;
  let damaged = 0;
  let verified = Infinity;
  for (const pack of packs) {
    measurePack(pack);
    const livePart = liveBytes.get(pack.number) ?? 0;
    bytes += pack.availableLength;
    live += livePart;
    if (livePart < pack.committedLength / 2) sparse += 1;
    if (pack.availableLength < pack.committedLength) damaged += 1;
    verified = Math.min(verified, pack.verifiedMs);
  }
  return {
    count: packs.length,
    bytes,
    liveBytes: live,
    sparse,
    damaged,
    verifiedSinceMs: verified > 0 && verified < Infinity ? verified : undefined,
  };
}

function tableOf(indexKey: Buffer): string {
  return indexKey.toString('latin1', 2, 2 + indexKey[1]!);
}

/** The files below a path, and the bytes in them; none where it doesn't exist. */
function usage(at: string): { readonly files: number; readonly bytes: number } {
  try {
    const stat = fs.lstatSync(at);
    if (!stat.isDirectory()) return { files: 1, bytes: stat.size };
    let files = 0;
    let bytes = 0;
    for (const name of fs.readdirSync(at)) {
      const below = usage(path.join(at, name));
      files += below.files;
      bytes += below.bytes;
    }
    return { files, bytes };
  } catch (error) {
    // Also what vanishes while one looks.
    if (errnoOf(error) === 'ENOENT') return { files: 0, bytes: 0 };
    throw error;
  }
}
