import type { LocalStore } from '@tvix/castore';
import { MemoryCacheTable } from './table.ts';
import type { CacheTables } from './table.ts';

/** What a binary cache keeps beside a local store's services, in tables of that store. Whoever opened it closes it. */
export function localCacheTables(
  store: Pick<LocalStore, 'table'>,
): CacheTables {
  return {
    nars: store.table('http-nars'),
    logs: store.table('http-logs'),
    realisations: store.table('http-realisations'),
    debugInfo: store.table('http-debug-info'),
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
