import { nodeUsedMs } from '@tvix/castore';
import type { LocalStore, Node, Table } from '@tvix/castore';
import { debugInfoFile } from '../binary-cache/debug-info.ts';
import { realisedPath } from '../binary-cache/realisation-json.ts';
import { LOCAL_CACHE_TABLES } from '../binary-cache/tables.ts';
import { decodeUploadedNar } from '../binary-cache/uploaded-nar.ts';
import { nodeOfCalculation } from '../nar/calculation-key.ts';
import { CALCULATION_TABLE } from '../nar/local-calculation-cache.ts';
import { LocalPathInfoService } from '../path-info-service/local.ts';
import type { ForgottenPaths } from './forgotten-paths.ts';
import { withReserve } from './with-reserve.ts';

/** What is to be forgotten beside path infos. */
export interface SideTableSweep {
  /** Paths whose path infos are gone. */
  readonly forgotten: ForgottenPaths;
  /**
   * What was written before this, in milliseconds since 1970, goes where what it leads to isn't stored. Where left out,
   * only what belongs to forgotten paths goes: a client uploads some of these entries before the path that they belong to.
   */
  readonly oldMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** As many entries are forgotten in one transaction. */
const DELETED_AT_ONCE = 1000;

/**
 * Forgets what stands in a store's tables beside the path infos for paths that are gone, and that no other path shares:
 * uploaded files, realisations, debug information, the logs of their derivations, and calculations of trees that aren't
 * stored. Entries that can't be read stay; verification tells of them.
 */
export async function sweepSideTables(
  localStore: LocalStore,
  { forgotten, oldMs, signal }: SideTableSweep,
): Promise<void> {
  if (forgotten.isEmpty && oldMs === undefined) return;
  const pathInfos = new LocalPathInfoService(localStore);
  if (!forgotten.isEmpty) {
    for await (const pathInfo of pathInfos.list()) {
      signal?.throwIfAborted();
      if (!forgotten.has(pathInfo.storePath.digest)) forgotten.keep(pathInfo);
    }
  }
  const isStored = (node: Node): boolean =>
    node.type === 'symlink' || nodeUsedMs(localStore, node) !== undefined;
  const sweep = (
    name: string,
    isGone: (key: Uint8Array, value: Uint8Array, isOld: boolean) => unknown,
  ): Promise<void> => {
    const table = localStore.table(name);
    return sweepTable(localStore, table, signal, (key, value) => {
      const writtenMs = table.writtenMs(key) ?? Infinity;
      return isGone(key, value, oldMs !== undefined && writtenMs < oldMs);
    });
  };
  const nars = localStore.table(LOCAL_CACHE_TABLES.nars);
  const { realisations, logs, debugInfo } = LOCAL_CACHE_TABLES;
  const isForgottenFile = (value: Uint8Array, isOld: boolean): boolean => {
    const { node } = decodeUploadedNar(value);
    return forgotten.hasNode(node) || (isOld && !isStored(node));
  };
  // Before the files, by whose entries they are told.
  await sweep(debugInfo, (_, value, isOld) => {
    const file = debugInfoFile(value);
    const nar = file && nars.get(file);
    return nar === undefined ? isOld : isForgottenFile(nar, isOld);
  });
  await sweep(LOCAL_CACHE_TABLES.nars, (_, value, isOld) =>
    isForgottenFile(value, isOld),
  );
  await sweep(realisations, async (_, value, isOld) => {
    const path = realisedPath(value);
    if (path === undefined) return false;
    if (forgotten.has(path.digest)) return true;
    return isOld && (await pathInfos.get(path.digest)) === undefined;
  });
  await sweep(logs, (key) =>
    forgotten.hasDerivation(Buffer.from(key).toString()),
  );
  if (oldMs !== undefined)
    await sweep(CALCULATION_TABLE, (key) => {
      const node = nodeOfCalculation(key);
      return node !== undefined && !isStored(node);
    });
}

/** Removes the entries of a table that are gone. What can't be told of is kept. */
export async function sweepTable(
  localStore: LocalStore,
  table: Table,
  signal: AbortSignal | undefined,
  isGone: (key: Uint8Array, value: Uint8Array) => unknown,
): Promise<void> {
  let gone: { key: Uint8Array; writtenMs: number | undefined }[] = [];
  const remove = async (): Promise<void> => {
    // Who wrote it again meanwhile goes on with it.
    const changes = gone
      .filter(({ key, writtenMs }) => table.writtenMs(key) === writtenMs)
      .map(({ key }) => ({ key, value: undefined }));
    gone = [];
    if (changes.length > 0)
      await withReserve(localStore, () => table.batch(changes));
  };
  for await (const [key, value] of table.entries()) {
    signal?.throwIfAborted();
    const writtenMs = table.writtenMs(key);
    try {
      if (await isGone(key, value)) gone.push({ key, writtenMs });
    } catch {
      continue;
    }
    if (gone.length >= DELETED_AT_ONCE) await remove();
  }
  await remove();
}
