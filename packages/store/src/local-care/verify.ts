import {
  compareBytes,
  LocalBlobService,
  LocalDirectoryService,
  repairLocalStore,
  verifyLocalStore,
} from '@tvix/castore';
import type {
  Damage,
  LocalStore,
  RepairResult,
  VerifyOptions,
  VerifyResult,
} from '@tvix/castore';
import type { StorePath } from '@tvix/nar';
import { RenderingNarCalculation } from '../nar/rendering-calculation.ts';
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
export interface VerifyStoreOptions extends Omit<VerifyOptions, 'onDamage'> {
  /** Hears of each damage when it is found. */
  readonly onDamage?: (damage: Damage | PathDamage) => void;
}

/** What was looked at. */
export interface VerifyStoreResult extends VerifyResult {
  readonly paths: number;
  readonly damagedPaths: number;
}

/**
 * Verifies a local store as a whole: every record, packs and index, and for each path the size and the hash of its NAR,
 * rendered anew.
 */
export async function verifyStore(
  localStore: LocalStore,
  options: VerifyStoreOptions = {},
): Promise<VerifyStoreResult> {
  const result = await verifyLocalStore(localStore, options);
  return { ...result, ...(await verifyPaths(localStore, options)) };
}

/**
 * Verifies a local store as a whole and mends what can be mended, see `repairLocalStore`. Answers with the store, to be
 * closed by the caller.
 */
export async function repairStore(
  open: () => Promise<LocalStore>,
  options: VerifyStoreOptions = {},
): Promise<{
  readonly store: LocalStore;
  readonly result: RepairResult & VerifyStoreResult;
}> {
  const { store, result } = await repairLocalStore(open, options);
  try {
    const paths = await verifyPaths(store, options);
    return { store, result: { ...result, ...paths } };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function verifyPaths(
  localStore: LocalStore,
  { onDamage, signal }: VerifyStoreOptions,
): Promise<{ paths: number; damagedPaths: number }> {
  const calculation = new RenderingNarCalculation({
    blobs: new LocalBlobService(localStore),
    directories: new LocalDirectoryService(localStore),
  });
  const count = { paths: 0, damagedPaths: 0 };
  const report = (damage: Omit<PathDamage, 'what'>): void => {
    count.damagedPaths += 1;
    onDamage?.({ what: 'path-info', ...damage });
  };
  try {
    for await (const pathInfo of new LocalPathInfoService(localStore).list()) {
      signal?.throwIfAborted();
      count.paths += 1;
      const damage = await verifyPath(calculation, pathInfo, signal);
      if (damage !== undefined)
        report({ ...damage, storePath: pathInfo.storePath });
    }
  } catch (error) {
    signal?.throwIfAborted();
    report({
      fault: 'unreadable',
      storePath: undefined,
      message: `the path infos can't all be listed: ${messageOf(error)}`,
    });
  }
  return count;
}

async function verifyPath(
  calculation: RenderingNarCalculation,
  { node, narInfo }: PathInfo,
  signal: AbortSignal | undefined,
): Promise<Pick<PathDamage, 'fault' | 'message'> | undefined> {
  try {
    const options = signal === undefined ? undefined : { signal };
    const found = await calculation.calculateNar(node, options);
    if (narInfo === undefined) return undefined;
    if (found.narSize !== narInfo.narSize)
      return {
        fault: 'wrong',
        message: `its NAR has ${found.narSize} bytes instead of ${narInfo.narSize}`,
      };
    if (compareBytes(found.narSha256, narInfo.narSha256) !== 0)
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
