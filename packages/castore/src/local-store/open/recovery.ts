import fs from 'node:fs';
import path from 'node:path';
import { CastoreError } from '../../errors.ts';
import { findPacks, PackAdopter } from '../packs/adopt-packs.ts';
import type { Zstd } from '../compression/zstd.ts';
import { makeDirectoryDurably, syncDirectory } from '../durable-files.ts';
import type { FileSystem } from '../file-system.ts';
import { PackWriter } from '../packs/pack-writer.ts';
import { measurePack, type Pack, Packs } from '../packs/packs.ts';
import { Sequence } from '../tables/sequence.ts';
import { ReceiptIndex } from '../receipts/receipt-index.ts';
import { isTransient, isUnreadable } from '../store-failure.ts';
import type { StoreIndex } from '../index/store-index.ts';

/** Where the parts of a store lie. */
export interface StorePaths {
  readonly meta: string;
  readonly packs: string;
  readonly quarantine: string;
}

/** The paths of a store's parts. */
export function storePaths(directory: string): StorePaths {
  return {
    meta: path.join(directory, 'meta'),
    packs: path.join(directory, 'packs'),
    quarantine: path.join(directory, 'quarantine'),
  };
}

/** A store whose index and packs agree. */
export interface RecoveredStore {
  readonly index: ReceiptIndex;
  readonly packs: Packs;
  /** The pack to go on with; `undefined` where the next write starts one. */
  readonly writer: PackWriter | undefined;
}

/** What recovery needs. */
export interface RecoveryOptions {
  readonly paths: StorePaths;
  readonly files: FileSystem;
  readonly zstd: Zstd;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly openIndex: (
    directory: string,
    options: { readonly readOnly: boolean },
  ) => StoreIndex;
}

/** A file beside the index that asks the next open to rebuild it. */
const REBUILD_MARK = 'rebuild';

/** Asks the next open to rebuild the index: what was read from it can't be true. */
export function markForRebuild(paths: StorePaths): void {
  try {
    fs.writeFileSync(path.join(paths.meta, REBUILD_MARK), '');
  } catch {
    // Reads fail the same way until it is rebuilt, which says it as well.
  }
}

/**
 * Brings index and packs into agreement after whatever ended the last run. Running it again, also after it was itself
 * cut off, leads to the same state.
 *
 * - An index that is missing, unreadable or marked is moved aside and made again from the packs alone.
 * - Packs that the index doesn't know are entered into it.
 * - An open pack is cut to its committed length: what lies beyond was never acknowledged.
 */
export async function recoverStore(
  options: RecoveryOptions,
): Promise<RecoveredStore> {
  const { paths, files } = options;
  makeDirectoryDurably(paths.meta);
  makeDirectoryDurably(paths.packs);
  const { index, packs } = await openOrReplaceIndex(options);
  try {
    await finishRetiring(paths, index, packs);
    const unknown = findPacks(files, paths.packs, (id) => packs.has(id));
    const { zstd, now } = options;
    const adopter = new PackAdopter(files, index, packs, zstd, now);
    await adopter.adopt(unknown);
    const writer = await settlePacks(files, index, packs);
    // Files that came or went aren't those of before.
    if (unknown.length > 0 || packs.all().some(isCutOff))
      await index.takeBack();
    return { index, packs, writer };
  } catch (error) {
    await index.close();
    throw error;
  }
}

/** The same view of a store without changing anything: another process may be writing to it. */
export async function inspectStore(
  paths: StorePaths,
  openIndex: RecoveryOptions['openIndex'],
): Promise<{ readonly index: StoreIndex; readonly packs: Packs }> {
  let index: StoreIndex | undefined;
  try {
    index = openIndex(paths.meta, { readOnly: true });
    return { index, packs: measuredPacks(paths, index) };
  } catch (error) {
    await index?.close();
    if (isTransient(error) || isUnreadable(error)) throw error;
    throw new CastoreError(
      'castore/corrupt-store',
      'the index cannot be read; open the store for writing once to have it rebuilt',
      { cause: error },
    );
  }
}

/** The packs that an index names, with what their files still have. */
export function measuredPacks(paths: StorePaths, index: StoreIndex): Packs {
  const packs = Packs.load(paths.packs, index);
  for (const pack of packs.all()) measurePack(pack);
  return packs;
}

async function openOrReplaceIndex(
  options: RecoveryOptions,
): Promise<Omit<RecoveredStore, 'writer'>> {
  const { paths } = options;
  const isMarked = fs.existsSync(path.join(paths.meta, REBUILD_MARK));
  if (!isMarked) {
    let index: ReceiptIndex | undefined;
    try {
      index = new ReceiptIndex(
        options.openIndex(paths.meta, { readOnly: false }),
      );
      const packs = Packs.load(paths.packs, index);
      Sequence.load(index);
      return { index, packs };
    } catch (error) {
      await index?.close();
      if (isTransient(error) || isUnreadable(error)) throw error;
    }
  }
  moveAside(paths);
  const inner = options.openIndex(paths.meta, { readOnly: false });
  const index = new ReceiptIndex(inner);
  return { index, packs: new Packs(paths.packs) };
}

/** Finishes what a collection was about to do when the process ended: nothing leads into these packs any more. */
async function finishRetiring(
  paths: StorePaths,
  index: StoreIndex,
  packs: Packs,
): Promise<void> {
  for (const pack of packs.all())
    if (pack.retirement !== undefined)
      await removeRetired(paths, index, packs, pack);
}

/**
 * Takes a retired pack out of service: its file first, for a pack without a name in the index would be adopted. One with
 * damage goes to the quarantine.
 */
export async function removeRetired(
  paths: StorePaths,
  index: Pick<StoreIndex, 'commit'>,
  packs: Packs,
  pack: Pack,
): Promise<void> {
  if (pack.retirement === 'quarantined' && fs.existsSync(pack.file)) {
    makeDirectoryDurably(paths.quarantine);
    fs.renameSync(
      pack.file,
      path.join(paths.quarantine, path.basename(pack.file)),
    );
    syncDirectory(paths.quarantine);
  } else fs.rmSync(pack.file, { force: true });
  const shard = path.dirname(pack.file);
  if (fs.existsSync(shard)) syncDirectory(shard);
  await index.commit([Packs.removal(pack.number)]);
  packs.remove(pack.number);
}

/** Nothing is ever deleted that somebody may want to look at. */
function moveAside(paths: StorePaths): void {
  makeDirectoryDurably(paths.quarantine);
  const stamp = new Date().toISOString().replaceAll(':', '-');
  fs.renameSync(paths.meta, path.join(paths.quarantine, `meta-${stamp}`));
  syncDirectory(paths.quarantine);
  makeDirectoryDurably(paths.meta);
}

async function settlePacks(
  files: FileSystem,
  index: StoreIndex,
  packs: Packs,
): Promise<PackWriter | undefined> {
  let writer: PackWriter | undefined;
  for (const pack of packs.all()) {
    measurePack(pack);
    if (pack.isSealed) continue;
    // Only the newest goes on; an older one was left behind by a crash between two packs.
    if (writer !== undefined) await finish(index, writer);
    writer = undefined;
    if (isCutOff(pack)) {
      // Damaged: what is left of it can be read, but nothing is added.
      pack.isSealed = true;
      await index.commit([Packs.write(pack)]);
    } else writer = await reopen(files, pack);
  }
  return writer;
}

function isCutOff({ availableLength, committedLength }: Pack): boolean {
  return availableLength < committedLength;
}

async function reopen(files: FileSystem, pack: Pack): Promise<PackWriter> {
  const fd = files.openSync(pack.file, 'r+');
  try {
    if (fs.fstatSync(fd).size > pack.committedLength) {
      await files.ftruncate(fd, pack.committedLength);
      await files.fsync(fd);
    }
  } finally {
    files.closeSync(fd);
  }
  return PackWriter.resume(files, pack);
}

async function finish(index: StoreIndex, writer: PackWriter): Promise<void> {
  const { pack } = writer;
  let length = pack.committedLength;
  try {
    length = await writer.seal();
  } catch (error) {
    // A footer only saves time, and a full disk must not keep a store shut.
    if (!isTransient(error)) throw error;
    await writer.rollBack();
  } finally {
    writer.close();
  }
  pack.committedLength = pack.availableLength = length;
  pack.isSealed = true;
  await index.commit([Packs.write(pack)]);
}
