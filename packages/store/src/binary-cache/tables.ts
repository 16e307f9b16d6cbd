import type { LocalStore } from '@tvix/castore';
import { MemoryCacheTable } from './table.ts';
import type { CacheTables } from './table.ts';

/** The names of the tables, by what they hold. */
export const LOCAL_CACHE_TABLES = {
  nars: 'http-nars',
  logs: 'http-logs',
  realisations: 'http-realisations',
  debugInfo: 'http-debug-info',
} as const;

/** What a binary cache keeps beside a local store's services, in tables of that store. Whoever opened it closes it. */
export function localCacheTables(
  store: Pick<LocalStore, 'table'>,
): CacheTables {
  return {
    nars: store.table(LOCAL_CACHE_TABLES.nars),
    logs: store.table(LOCAL_CACHE_TABLES.logs),
    realisations: store.table(LOCAL_CACHE_TABLES.realisations),
    debugInfo: store.table(LOCAL_CACHE_TABLES.debugInfo),
  };
}

/** The same in memory: it ends with the process. */
export function memoryCacheTables(): CacheTables {
  return {
    nars: new MemoryCacheTable(),
    logs: new MemoryCacheTable(),
    realisations: new MemoryCacheTable(),
    debugInfo: new MemoryCacheTable(),
  };
}
