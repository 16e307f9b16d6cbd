import { StoredSize } from '@tvix/castore';
import type { LocalStore, Node } from '@tvix/castore';
import { encodeNixBase32 } from '@tvix/nar';
import type { LocalPathInfoService } from '../path-info-service/local.ts';
import type { DoomedPath } from './doomed-paths.ts';
import { referrersFirst } from './referrers-first.ts';

/** Which paths go before garbage is collected. Without any rule none does. */
export interface PathSelection {
  /** Paths that were neither registered nor used for this long go. */
  readonly keepNewerThanMs?: number | undefined;
  /** Of the others the most recently used stay, up to this size in bytes of packs. */
  readonly maxSizeBytes?: number | undefined;
}

/** What selection needs to know of a path. */
interface KnownPath extends DoomedPath {
  readonly name: string;
  readonly node: Node;
  readonly usedMs: number;
}

/**
 * The paths that go, each before those that it refers to. What stays keeps all that it refers to, and
 * pinned paths stay, whatever the rules say.
 */
export async function selectPaths(
  store: LocalStore,
  pathInfos: LocalPathInfoService,
  pinned: readonly Uint8Array[],
  rules: PathSelection,
): Promise<DoomedPath[]> {
  const { keepNewerThanMs, maxSizeBytes } = rules;
  if (keepNewerThanMs === undefined && maxSizeBytes === undefined) return [];
  const paths = new Map<string, KnownPath>();
  for await (const pathInfo of pathInfos.list()) {
    const name = nameOf(pathInfo.storePath.digest);
    paths.set(name, {
      outputHash: pathInfo.storePath.digest,
      name,
      node: pathInfo.node,
      usedMs: pathInfos.usedMs(pathInfo),
      references: pathInfo.references.map(nameOf),
    });
  }
  const kept = new Set<string>();
  const size = new StoredSize(store);
  /** Adds what isn't kept yet of a path and all that it refers to; answers what was added. */
  const keep = (name: string): KnownPath[] => {
    const added: KnownPath[] = [];
    const work = [name];
    for (let next = work.pop(); next !== undefined; next = work.pop()) {
      const path = paths.get(next);
      if (path === undefined || kept.has(next)) continue;
      kept.add(next);
      added.push(path);
      work.push(...path.references);
    }
    return added;
  };
  const newestFirst = [...paths.values()].sort((a, b) => b.usedMs - a.usedMs);
  try {
    for (const outputHash of pinned)
      for (const { node } of keep(nameOf(outputHash))) await size.add(node);
    const oldest =
      keepNewerThanMs === undefined
        ? -Infinity
        : store.interior.now() - keepNewerThanMs;
    for (const path of newestFirst) {
      if (path.usedMs < oldest) break;
      const added = keep(path.name);
      if (maxSizeBytes === undefined) continue;
      for (const { node } of added) await size.add(node);
      if (size.bytes <= maxSizeBytes) continue;
      for (const { name } of added) kept.delete(name);
      break;
    }
  } finally {
    size[Symbol.dispose]();
  }
  return referrersFirst(
    newestFirst
      .filter(({ name }) => !kept.has(name))
      .map(({ outputHash, references }) => ({ outputHash, references })),
  );
}

function nameOf(outputHash: Uint8Array): string {
  return encodeNixBase32(outputHash);
}
