import {
  compareBytes,
  LocalBlobService,
  LocalDirectoryService,
  QuietStore,
  verifyLocalStore,
} from '@tvix/castore';
import type {
  Damage,
  LocalStore,
  VerifyOptions,
  VerifyProgress,
  VerifyResult,
} from '@tvix/castore';
import type { StorePath } from '@tvix/nar';
import { RenderingNarCalculation } from '../nar/rendering-calculation.ts';
import { NarSizes } from '../nar/sizes.ts';
import type { PathInfo } from '../path-info/path-info.ts';
import { LocalPathInfoService } from '../path-info-service/local.ts';

/** A store path that isn't what its path info says. */
export interface PathDamage {
  readonly what: 'path-info';
  /**
   * - `incomplete`: a part of the tree isn't stored.
   * - `wrong`: the NAR has another size or hash.
   * - `unreadable`: the tree, or the path info itself, can't be read.
   */
  readonly fault: 'incomplete' | 'wrong' | 'unreadable';
  /** `undefined` where the list of path infos breaks off. */
  readonly storePath: StorePath | undefined;
  readonly message: string;
}

/** How a Nix store is verified. */
export interface VerifyStoreOptions extends Omit<
  VerifyOptions,
  'onDamage' | 'onProgress'
> {
  /** Hears of each damage when it is found. */
  readonly onDamage?: (damage: Damage | PathDamage) => void;
  /** Hears now and then how far it has come, and is waited for. */
  readonly onProgress?: (progress: VerifyStoreProgress) => void | Promise<void>;
}

/** How far a verification has come: records first, then paths. */
export interface VerifyStoreProgress extends VerifyProgress {
  readonly paths: number;
}

/** What was looked at. */
export interface VerifyStoreResult extends VerifyResult {
  readonly paths: number;
  readonly damagedPaths: number;
}

/**
 * Verifies a local store as a whole: every record, packs and index, and for each path the size and the hash of its NAR,
 * rendered anew. Looking isn't use.
 */
export async function verifyStore(
  localStore: LocalStore,
  options: VerifyStoreOptions = {},
): Promise<VerifyStoreResult> {
  const result = await verifyLocalStore(localStore, forRecords(options));
  return { ...result, ...(await verifyPaths(localStore, options, result)) };
}

/** The same of records alone. */
export function forRecords(options: VerifyStoreOptions): VerifyOptions {
  const { onProgress, ...rest } = options;
  return onProgress === undefined
    ? rest
    : {
        ...rest,
        onProgress: (progress) => onProgress({ ...progress, paths: 0 }),
      };
}

/** Verifies the NAR of each path; its records were looked at before. */
export async function verifyPaths(
  localStore: LocalStore,
  { onDamage, onProgress, signal }: VerifyStoreOptions,
  records: VerifyProgress,
): Promise<Pick<VerifyStoreResult, 'paths' | 'damagedPaths'>> {
  const quiet = new QuietStore(localStore);
  const directories = new LocalDirectoryService(quiet);
  const blobs = new LocalBlobService(quiet);
  const sizes = new NarSizes(directories);
  const calculation = new RenderingNarCalculation({ blobs, directories });
  const count = { paths: 0, damagedPaths: 0 };
  const report = (damage: Omit<PathDamage, 'what'>): void => {
    count.damagedPaths += 1;
    onDamage?.({ what: 'path-info', ...damage });
  };
  const listed = new LocalPathInfoService(localStore).list();
  try {
    for (;;) {
      let next;
      try {
        next = await listed.next();
      } catch (error) {
        report({
          fault: 'unreadable',
          storePath: undefined,
          message: `the path infos can't all be listed: ${messageOf(error)}`,
        });
        break;
      }
      if (next.done === true) break;
      signal?.throwIfAborted();
      const { storePath } = next.value;
      const damage = await verifyPath(next.value, sizes, calculation, signal);
      count.paths += 1;
      // It may have been deleted, and its tree collected, while one looked.
      if (damage !== undefined && (await isThere(localStore, storePath)))
        report({ ...damage, storePath });
      const { records: looked, bytes } = records;
      await onProgress?.({ records: looked, bytes, paths: count.paths });
    }
  } finally {
    quiet[Symbol.dispose]();
  }
  return count;
}

async function isThere(
  localStore: LocalStore,
  storePath: StorePath,
): Promise<boolean> {
  const pathInfos = new LocalPathInfoService(localStore);
  return (await pathInfos.get(storePath.digest)) !== undefined;
}

async function verifyPath(
  { node, narInfo }: PathInfo,
  sizes: NarSizes,
  calculation: RenderingNarCalculation,
  signal: AbortSignal | undefined,
): Promise<Pick<PathDamage, 'fault' | 'message'> | undefined> {
  const options = signal === undefined ? undefined : { signal };
  try {
    // Before anything is read: a tree that is far larger than its path info says may take years.
    const narSize = await sizes.ofArchive(node, options);
    if (narInfo !== undefined && narSize !== narInfo.narSize)
      return {
        fault: 'wrong',
        message: `its NAR has ${narSize} bytes instead of ${narInfo.narSize}`,
      };
    const { narSha256 } = await calculation.calculateNar(node, options);
    if (narInfo && compareBytes(narSha256, narInfo.narSha256) !== 0)
      return { fault: 'wrong', message: 'its NAR has another hash' };
    return undefined;
  } catch (error) {
    signal?.throwIfAborted();
    const { kind } = error as { readonly kind?: unknown };
    return {
      fault: kind === 'missing' ? 'incomplete' : 'unreadable',
      message: messageOf(error),
    };
  }
}

function messageOf(error: unknown): string {
  return String((error as { readonly message?: unknown } | null)?.message);
}
