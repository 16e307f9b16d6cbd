import type { LocalStore } from '@tvix/castore';
import { encodeNixBase32 } from '@tvix/nar';
import type { StorePath } from '@tvix/nar';
import { StoreError } from '../errors.ts';
import type { PathInfo } from '../path-info/path-info.ts';
import { LocalPathInfoService } from '../path-info-service/local.ts';
import { DoomedPaths } from './doomed-paths.ts';
import { ForgottenPaths } from './forgotten-paths.ts';
import { HeldPaths } from './held-paths.ts';
import { Pins } from './pins.ts';
import { sweepSideTables } from './side-tables.ts';
import { withReserve } from './with-reserve.ts';

/** How paths are deleted. */
export interface DeletePathsOptions {
  /** Also where paths that stay refer to them: these are left without what they need. */
  readonly ignoreReferrers?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What became of paths that were to be deleted. */
export interface DeletedPaths {
  readonly deleted: readonly StorePath[];
  /** Those that weren't there. */
  readonly missing: readonly StorePath[];
}

/** An error names as many referrers at most. */
const NAMED_REFERRERS = 5;

/**
 * Forgets paths, all of them or none, and what is kept beside them. A path that another refers to stays, and so does one
 * that is pinned, or that somebody registers, pins or holds at the same moment.
 *
 * @throws StoreError `store/path-in-use`; CastoreError `castore/store-read-only`, `castore/no-space`
 */
export async function deletePaths(
  localStore: LocalStore,
  storePaths: readonly StorePath[],
  options: DeletePathsOptions = {},
): Promise<DeletedPaths> {
  const doomed = new DoomedPaths(localStore);
  try {
    return await deleteUnnamed(localStore, storePaths, doomed, options);
  } finally {
    doomed.stop();
  }
}

async function deleteUnnamed(
  localStore: LocalStore,
  storePaths: readonly StorePath[],
  doomed: DoomedPaths,
  { ignoreReferrers = false, signal }: DeletePathsOptions,
): Promise<DeletedPaths> {
  const pathInfos = new LocalPathInfoService(localStore);
  const found: PathInfo[] = [];
  const missing: StorePath[] = [];
  const seen = new Set<string>();
  for (const storePath of storePaths) {
    const name = storePath.toString();
    if (seen.has(name)) continue;
    seen.add(name);
    const pathInfo = await pathInfos.get(storePath.digest);
    // The same hash under another name is another path.
    if (pathInfo?.storePath.toString() === name) found.push(pathInfo);
    else missing.push(storePath);
  }
  const deleted = found.map(({ storePath }) => storePath);
  if (found.length === 0) return { deleted, missing };
  const forgotten = new ForgottenPaths(found);
  await assertUnpinned(localStore, forgotten);
  const referrers: string[] = [];
  for await (const pathInfo of pathInfos.list()) {
    signal?.throwIfAborted();
    if (forgotten.has(pathInfo.storePath.digest)) continue;
    if (!pathInfo.references.some((hash) => forgotten.has(hash))) continue;
    referrers.push(pathInfo.storePath.toAbsolutePath());
  }
  if (referrers.length > 0 && !ignoreReferrers) throw referredTo(referrers);
  const hashes = deleted.map(({ digest }) => digest);
  const going = found.map(({ storePath, references }) => ({
    outputHash: storePath.digest,
    references: references.map(encodeNixBase32),
  }));
  doomed.choose(going);
  await withReserve(localStore, () => {
    if (!ignoreReferrers && doomed.among(going).length < going.length)
      throw namedMeanwhile(deleted);
    return HeldPaths.of(localStore).remove(hashes, () =>
      pathInfos.delete(hashes),
    );
  });
  await sweepSideTables(localStore, { forgotten, signal });
  return { deleted, missing };
}

async function assertUnpinned(
  localStore: LocalStore,
  forgotten: ForgottenPaths,
): Promise<void> {
  for await (const { name, target } of new Pins(localStore).list()) {
    if (target.type !== 'path' || !forgotten.has(target.storePath.digest))
      continue;
    throw new StoreError(
      'store/path-in-use',
      `the pin ${JSON.stringify(name)} keeps ${target.storePath.toAbsolutePath()}`,
      { details: { pin: name } },
    );
  }
}

function namedMeanwhile(storePaths: readonly StorePath[]): StoreError {
  const [first, ...others] = storePaths.map(String);
  const all = others.length > 0 ? `${first} and ${others.length} more` : first;
  return new StoreError(
    'store/path-in-use',
    `${all}: somebody needs a path that was to be deleted at this moment`,
  );
}

function referredTo(referrers: readonly string[]): StoreError {
  const named = referrers.slice(0, NAMED_REFERRERS).join(', ');
  const more = referrers.length - NAMED_REFERRERS;
  return new StoreError(
    'store/path-in-use',
    `paths that stay refer to it: ${named}${more > 0 ? ` and ${more} more` : ''}`,
    { details: { referrers } },
  );
}
