import { collectGarbage, DEFAULT_GRACE_MS, nodeUsedMs } from '@tvix/castore';
import type {
  CollectResult,
  LocalStore,
  Node,
  OnCollectProgress,
} from '@tvix/castore';
import { encodeNixBase32 } from '@tvix/nar';
import type { PathInfo } from '../path-info/path-info.ts';
import type { LocalPathInfoService } from '../path-info-service/local.ts';
import { DoomedPaths } from './doomed-paths.ts';
import type { DoomedPath } from './doomed-paths.ts';
import { ForgottenPaths } from './forgotten-paths.ts';
import { HeldPaths } from './held-paths.ts';
import { Pins } from './pins.ts';
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

interface NixStore {
  readonly localStore: LocalStore;
  readonly pathInfos: LocalPathInfoService;
}

/** As many path infos are forgotten in one transaction. */
const DELETED_AT_ONCE = 1000;

/**
 * Forgets the paths that the rules select, but those that are registered, pinned or held meanwhile, then collects what
 * neither a path nor a pin leads to and nobody used within the grace.
 *
 * @throws CastoreError as `collectGarbage` does
 */
export async function collectStore(
  store: NixStore,
  options: CollectStoreOptions = {},
): Promise<CollectStoreResult> {
  const { localStore, pathInfos } = store;
  const { graceMs, dryRun = false, onProgress, signal } = options;
  // On a full disk it stays unwritten what was used of late; that is no reason to keep the disk full.
  await localStore.interior.writing?.touches.flush().catch(() => {});
  const forgotten = new ForgottenPaths();
  const gone = dryRun
    ? await choosePaths(store, options)
    : await forgetPaths(store, options, forgotten);
  const result = await collectGarbage(localStore, {
    roots: roots(localStore, pathInfos, dryRun ? gone : []),
    dryRun,
    ...(graceMs !== undefined && { graceMs }),
    ...(onProgress !== undefined && { onProgress }),
    ...(signal !== undefined && { signal }),
  });
  if (!dryRun) {
    const oldMs = localStore.interior.now() - (graceMs ?? DEFAULT_GRACE_MS);
    await sweepSideTables(localStore, { forgotten, oldMs, signal });
  }
  return { ...result, paths: gone.length };
}

async function choosePaths(
  { localStore, pathInfos }: NixStore,
  rules: PathSelection,
): Promise<DoomedPath[]> {
  const pinned: Uint8Array[] = [];
  for await (const { target } of new Pins(localStore).list())
    if (target.type === 'path') pinned.push(target.storePath.digest);
  return selectPaths(localStore, pathInfos, pinned, rules);
}

/** Forgets what the rules select and nobody names or holds meanwhile; answers with what is gone. */
async function forgetPaths(
  store: NixStore,
  options: CollectStoreOptions,
  forgotten: ForgottenPaths,
): Promise<DoomedPath[]> {
  const { localStore, pathInfos } = store;
  const gone: DoomedPath[] = [];
  const doomed = new DoomedPaths(localStore);
  const held = HeldPaths.of(localStore);
  try {
    const chosen = await choosePaths(store, options);
    doomed.choose(chosen);
    for (let at = 0; at < chosen.length; at += DELETED_AT_ONCE) {
      options.signal?.throwIfAborted();
      const some = chosen.slice(at, at + DELETED_AT_ONCE);
      let going: DoomedPath[] = [];
      let known: PathInfo[] = [];
      await withReserve(localStore, () => {
        going = doomed.among(some);
        known = going.flatMap(
          ({ outputHash }) => pathInfos.getNow(outputHash) ?? [],
        );
        const outputHashes = going.map(({ outputHash }) => outputHash);
        return held.remove(outputHashes, () => pathInfos.delete(outputHashes));
      });
      for (const path of going) gone.push(path);
      for (const pathInfo of known) forgotten.add(pathInfo);
    }
  } finally {
    doomed.stop();
  }
  return gone;
}

async function* roots(
  localStore: LocalStore,
  pathInfos: LocalPathInfoService,
  gone: readonly DoomedPath[],
): AsyncGenerator<Node> {
  for await (const { target } of new Pins(localStore).list()) {
    if (target.type !== 'castore') continue;
    const { digest } = target;
    const either: Node[] = [
      { type: 'directory', digest, size: 0n },
      { type: 'file', digest, size: 0n, executable: false },
    ];
    for (const node of either)
      if (nodeUsedMs(localStore, node) !== undefined) yield node;
  }
  // Only where nothing is changed are they listed yet.
  const left = new Set(
    gone.map(({ outputHash }) => encodeNixBase32(outputHash)),
  );
  for await (const { storePath, node } of pathInfos.list())
    if (!left.has(encodeNixBase32(storePath.digest))) yield node;
}
