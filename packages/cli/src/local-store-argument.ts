import type { LocalStore } from '@tvix/castore';
import { CliError } from './errors.ts';
import type { OpenStore } from './services.ts';

/**
 * The engine of a store that was opened for its care.
 *
 * @throws CliError `cli/usage` where the store is on the other side of a connection, or in memory
 */
export function requireLocalStore(store: OpenStore): LocalStore {
  if (store.localStore === undefined)
    throw new CliError(
      'cli/usage',
      'this works on a store on this disk; name it with --store local:/some/dir',
    );
  return store.localStore;
}
