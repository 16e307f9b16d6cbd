import {
  collectGarbage,
  compareBytes,
  DEFAULT_GRACE_MS,
  nodeUsedMs,
} from '@tvix/castore';
import type {
  CollectResult,
  LocalStore,
  Node,
  OnCollectProgress,
} from '@tvix/castore';
import type { LocalPathInfoService } from '../path-info-service/local.ts';
import { ForgottenPaths } from './forgotten-paths.ts';
import { Pins } from './pins.ts';
import type { Pin } from './pins.ts';
import { selectPaths } from './select-paths.ts';
import { sweepSideTables } from './side-tables.ts';
import { withReserve } from './with-reserve.ts';
import type { PathSelection } from './select-paths.ts';

/** How garbage is collected in a Nix store. */
export interface CollectStoreOptions extends PathSelection {
  /** What was used within this time stays, whatever leads to it: at least an hour, a day where left out. */
  readonly graceMs?: number | undefined;
  /** Only tells what would go; nothing is changed. */
  readonly dryRun?: boolean | undefined;
  /** Hears now and then how far it has come, and is waited for. */
  readonly onProgress?: OnCollectProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a collection did. */
export interface CollectStoreResult extends CollectResult {
  /** Path infos that went, or would go. */
  readonly paths: number;
}

/** As many path infos are forgotten in one transaction. */
const DELETED_AT_ONCE = 1000;

/**
 * Forgets the paths that the rules select, then collects what neither a path nor a pin leads to and nobody used within
 * the grace.
 *
 * @throws CastoreError as `collectGarbage` does
 */
export async function collectStore(
  store: {
    readonly localStore: LocalStore;
    readonly pathInfos: LocalPathInfoService;
  },
  options: CollectStoreOptions = {},
): Promise<CollectStoreResult> {
  const { localStore, pathInfos } = store;
  const { graceMs, dryRun = false, onProgress, signal } = options;
  // On a full disk it stays unwritten what was used of late; that is no reason to keep the disk full.
  await localStore.interior.writing?.touches.flush().catch(() => {});
  const pins: Pin[] = [];
  for await (const pin of new Pins(localStore).list()) pins.push(pin);
  const pinned = pins.flatMap(({ target }) =>
    target.type === 'path' ? [target.storePath.digest] : [],
  );
  const doomed = await selectPaths(localStore, pathInfos, pinned, options);
  const forgotten = new ForgottenPaths();
  if (!dryRun) {
    for (let at = 0; at < doomed.length; at += DELETED_AT_ONCE) {
      signal?.throwIfAborted();
      const hashes = doomed.slice(at, at + DELETED_AT_ONCE);
      for (const hash of hashes) {
        const pathInfo = await pathInfos.get(hash);
        if (pathInfo !== undefined) forgotten.add(pathInfo);
      }
      await withReserve(localStore, () => pathInfos.delete(hashes));
    }
  }
  const result = await collectGarbage(localStore, {
    roots: roots(localStore, pathInfos, pins, doomed),
    dryRun,
    ...(graceMs !== undefined && { graceMs }),
    ...(onProgress !== undefined && { onProgress }),
    ...(signal !== undefined && { signal }),
  });
  if (!dryRun) {
    const oldMs = localStore.interior.now() - (graceMs ?? DEFAULT_GRACE_MS);
    await sweepSideTables(localStore, { forgotten, oldMs, signal });
  }
  return { ...result, paths: doomed.length };
}

async function* roots(
  localStore: LocalStore,
  pathInfos: LocalPathInfoService,
  pins: readonly Pin[],
  doomed: readonly Uint8Array[],
): AsyncGenerator<Node> {
  for (const { target } of pins) {
    if (target.type !== 'castore') continue;
    const { digest } = target;
    const either: Node[] = [
      { type: 'directory', digest, size: 0n },
      { type: 'file', digest, size: 0n, executable: false },
    ];
    for (const node of either)
      if (nodeUsedMs(localStore, node) !== undefined) yield node;
  }
  const gone = [...doomed].sort(compareBytes);
  let next = 0;
  for await (const { storePath, node } of pathInfos.list()) {
    // Both come in the order of the hashes.
    while (
      next < gone.length &&
      compareBytes(gone[next]!, storePath.digest) < 0
    )
      next += 1;
    const isGone =
      next < gone.length && compareBytes(gone[next]!, storePath.digest) === 0;
    if (!isGone) yield node;
  }
}
