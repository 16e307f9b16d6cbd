import fs from 'node:fs';
import path from 'node:path';
import type { ChunkingParameters } from '../../chunking/parameters.ts';
import { CastoreError } from '../../errors.ts';
import { findPacks } from '../packs/adopt-packs.ts';
import { openZstd } from '../compression/open-zstd.ts';
import { makeDirectoryDurably } from '../durable-files.ts';
import { type FileSystem, nodeFileSystem } from '../file-system.ts';
import { LmdbIndex } from '../index/lmdb-index.ts';
import { LocalStore } from '../local-store.ts';
import type { StoreParts } from '../store-parts.ts';
import { StoreThreads } from '../threads/store-threads.ts';
import { StoreLock } from './lock.ts';
import {
  inspectStore,
  measuredPacks,
  recoverStore,
  storePaths,
} from './recovery.ts';
import { Reserve } from './reserve.ts';
import { asFailure, errnoOf } from '../store-failure.ts';
import {
  assertKnownFeatures,
  createFormat,
  formatFile,
  readFormat,
  type StoreFormat,
  writeFormat,
} from './store-format.ts';
import type { StoreIndex } from '../index/store-index.ts';

/** How a local store is opened. */
export interface LocalStoreOptions {
  /**
   * Opens for reading alone: nothing in the directory changes, and another process may be writing to the store. A
   * directory that can't be written to is opened like this by itself.
   */
  readonly readOnly?: boolean;
  /** Whether a directory without a store is refused in place of getting one. */
  readonly mustExist?: boolean;
  /** Space set aside for cleaning up when the disk is full, in bytes: 64 MiB where left out, none for 0. */
  readonly reserveBytes?: number;
  /** A pack that reaches this many bytes is sealed and the next begun: 64 MiB where left out, 16 GiB at most. */
  readonly packTargetBytes?: number;
  /** As many bytes are on their way to the disk at once, 16 MiB where left out; whoever would exceed that waits. */
  readonly inFlightBytes?: number;
  /** Zstandard's level for long payloads, 1 to 18; shorter ones get one more. */
  readonly compressionLevel?: number;
  /**
   * Threads beside the calling one that compress what comes in and read what goes out; with 0, that is done on the calling
   * thread. Left out: one for each core, one to four: the calling thread waits for them where files are large, and they
   * for it where files are small. There are none where the built worker isn't found: in code that runs from its
   * TypeScript sources, or was bundled.
   */
  readonly threads?: number;
  /**
   * How far these threads give way to others, 0 (left out) to 19, as of `nice`; on Linux alone. For who reads files one
   * after the other into a store: what the threads wait for is done by the calling thread, which must not wait for a core
   * that they have.
   */
  readonly threadNiceness?: number;
  /** For a store that doesn't exist yet: how it will cut large blobs. */
  readonly chunking?: ChunkingParameters;
  /** The calls that write packs; tests let them fail. */
  readonly fileSystem?: FileSystem;
  /** Milliseconds since 1970, by which use is told from disuse; tests let it run as they like. */
  readonly now?: () => number;
  /** Opens the index; tests let it fail. */
  readonly openIndex?: (
    directory: string,
    options: { readonly readOnly: boolean },
  ) => StoreIndex;
}

const MIB = 1024 * 1024;
const DEFAULTS = {
  reserveBytes: 64 * MIB,
  packTargetBytes: 64 * MIB,
  inFlightBytes: 16 * MIB,
  compressionLevel: 2,
};

/** Places in a pack are written down as 32 bits, in units of eight bytes; a round of writes may go beyond the target. */
const MAX_PACK_TARGET_BYTES = 16 * 1024 * MIB;

/** Names that a store's directory may hold; a directory with others and no FORMAT isn't ours to write into. */
const OWN_NAMES = new Set([
  'FORMAT',
  'FORMAT.tmp',
  'LOCK',
  'meta',
  'packs',
  'quarantine',
  'reserve',
  'lost+found',
]);

/**
 * Opens the store in a directory, and creates both where they are missing. Whoever opens, closes.
 *
 * @throws CastoreError `castore/store-locked` where another process has it open, `castore/store-format` where this
 *   program can't handle it, `castore/corrupt-store`, `castore/io`, `castore/no-space`
 * @throws RangeError where packs are to be larger than they can be
 */
export async function openLocalStore(
  directory: string,
  options: LocalStoreOptions = {},
): Promise<LocalStore> {
  const at = path.resolve(directory);
  try {
    return options.readOnly === true || !isWritable(at)
      ? await openForReading(at, options)
      : await openForWriting(at, options);
  } catch (error) {
    throw asFailure(`cannot open the store ${at}`, error);
  }
}

async function openForReading(
  directory: string,
  options: LocalStoreOptions,
): Promise<LocalStore> {
  const format = readFormat(directory);
  if (format === undefined) {
    throw new CastoreError(
      'castore/store-format',
      `${directory} holds no store (there is no ${formatFile(directory)}), and it is opened for reading alone`,
      { details: { directory } },
    );
  }
  assertKnownFeatures(format, 'read');
  const zstd = await openZstd();
  const files = options.fileSystem ?? nodeFileSystem;
  const paths = storePaths(directory);
  const { index, packs } = await inspectStore(
    paths,
    options.openIndex ?? LmdbIndex.open,
  );
  return new LocalStore({
    directory,
    format,
    files,
    index,
    packs,
    reloadPacks: () => measuredPacks(paths, index),
    zstd,
    ...threadsOf(options),
    now: options.now ?? Date.now,
    writing: undefined,
  });
}

async function openForWriting(
  directory: string,
  options: LocalStoreOptions,
): Promise<LocalStore> {
  const { packTargetBytes = DEFAULTS.packTargetBytes } = options;
  if (!(packTargetBytes <= MAX_PACK_TARGET_BYTES))
    throw new RangeError(`a pack has at most ${MAX_PACK_TARGET_BYTES} bytes`);
  if (options.mustExist === true) assertHoldsStore(directory);
  makeDirectoryDurably(directory);
  const lock = await StoreLock.acquire(directory);
  try {
    const files = options.fileSystem ?? nodeFileSystem;
    const now = options.now ?? Date.now;
    const format = readFormat(directory) ?? adopt(directory, files, options);
    assertKnownFeatures(format, 'read');
    assertKnownFeatures(format, 'write');
    const reserve = new Reserve(
      directory,
      options.reserveBytes ?? DEFAULTS.reserveBytes,
    );
    reserve.ensure();
    const zstd = await openZstd();
    const { index, packs, writer } = await recoverStore({
      paths: storePaths(directory),
      files,
      zstd,
      now,
      openIndex: options.openIndex ?? LmdbIndex.open,
    });
    return new LocalStore({
      directory,
      format,
      files,
      index,
      packs,
      zstd,
      ...threadsOf(options),
      now,
      writing: {
        lock,
        reserve,
        writer,
        receipts: index,
        packTargetBytes,
        inFlightBytes: options.inFlightBytes ?? DEFAULTS.inFlightBytes,
      },
    });
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** A store that lost the file that says its format is one all the same. */
function assertHoldsStore(directory: string): void {
  const signs = [formatFile(directory), storePaths(directory).packs];
  if (signs.some((sign) => fs.existsSync(sign))) return;
  throw new CastoreError(
    'castore/store-format',
    `${directory} holds no store (there is no ${formatFile(directory)})`,
    { details: { directory } },
  );
}

/** A format for a new store, or for one that lost the file: each pack says which store it belongs to. */
function adopt(
  directory: string,
  files: FileSystem,
  options: LocalStoreOptions,
): StoreFormat {
  const foreign = fs
    .readdirSync(directory)
    .filter((name) => !OWN_NAMES.has(name));
  if (foreign.length > 0) {
    throw new CastoreError(
      'castore/store-format',
      `${directory} is neither empty nor a store (it holds ${JSON.stringify(foreign[0])}); choose another directory`,
      { details: { directory, foreign } },
    );
  }
  const packs = findPacks(files, storePaths(directory).packs, () => false);
  const known = packs.find(({ storeId }) => storeId !== undefined);
  if (packs.length > 0 && known === undefined) {
    throw new CastoreError(
      'castore/store-format',
      `${formatFile(directory)} is missing, and no pack can be read; the packs may be of a newer version`,
      { details: { directory } },
    );
  }
  const format = createFormat({
    storeId: known?.storeId,
    chunking: options.chunking,
  });
  writeFormat(directory, format);
  return format;
}

function threadsOf({
  compressionLevel = DEFAULTS.compressionLevel,
  threads,
  threadNiceness: niceness,
}: LocalStoreOptions): Pick<StoreParts, 'compressionLevel' | 'threads'> {
  return {
    compressionLevel,
    threads: new StoreThreads({ level: compressionLevel, threads, niceness }),
  };
}

/** A directory that isn't there yet counts as writable: creating it will tell. */
function isWritable(directory: string): boolean {
  try {
    fs.accessSync(directory, fs.constants.W_OK);
    return true;
  } catch (error) {
    return errnoOf(error) === 'ENOENT';
  }
}
