import { openLocalStore } from '@tvix/castore';
import { localCacheTables, memoryCacheTables } from '@tvix/store/binary-cache';
import type { CacheTables } from '@tvix/store/binary-cache';
import type { Logger } from '../logging.ts';
import type { OpenStore } from '../services.ts';
import { startStateSweep } from './state-sweep.ts';

/** What a binary cache keeps beside the services of a store. */
export interface SideTables {
  readonly tables: CacheTables;
  /** Where it is on a disk. */
  readonly folder?: string;
  /** Lets go of what was opened for this. */
  close(): Promise<void>;
}

/**
 * Opens the tables in a directory of their own where one is named, else in the store that is in this process. Where
 * neither is, they end with the process, which is warned of.
 *
 * @throws CastoreError as `openLocalStore`
 */
export async function openSideTables(
  store: OpenStore,
  directory: string | undefined,
  logger: Logger,
): Promise<SideTables> {
  if (directory !== undefined) {
    const own = await openLocalStore(directory);
    const stopSweeping = startStateSweep(own, store, logger);
    return {
      tables: localCacheTables(own),
      folder: own.directory,
      async close() {
        await stopSweeping();
        await own.close();
      },
    };
  }
  const { localStore } = store;
  if (localStore !== undefined) {
    const tables = localCacheTables(localStore);
    return { tables, folder: localStore.directory, close: async () => {} };
  }
  logger.warn(
    'the store is not in this process: logs, realisations and the names of uploaded files end with the daemon; --http-state keeps them',
  );
  return { tables: memoryCacheTables(), close: async () => {} };
}
