import type { LocalStore } from '../local-store.ts';
import type { Packs } from './packs.ts';
import { measuredPacks, storePaths } from '../open/recovery.ts';

/** The packs of a store as they are now: where it is open for reading alone, another process may have written since. */
export function currentPacks(store: LocalStore): Packs {
  const { index, packs } = store.interior;
  return store.isReadOnly
    ? measuredPacks(storePaths(store.directory), index)
    : packs;
}
