import { descendTo, splitPath } from '@tvix/castore';
import type { Node, PathComponent } from '@tvix/castore';
import { STORE_DIR, StorePath } from '@tvix/nar';
import type { PathInfo } from '@tvix/store';
import { CliError } from './errors.ts';
import { quotePath } from './quote-path.ts';
import type { OpenStore } from './services.ts';

/** A store path and what it leads to inside. */
export interface StorePathArgument {
  readonly storePath: StorePath;
  /** The names below the store path; none for the path itself. */
  readonly names: readonly PathComponent[];
}

/** What an argument was found to be. */
export interface FoundNode {
  readonly pathInfo: PathInfo;
  readonly node: Node;
}

/**
 * Reads a store path, absolute or as a basename, with a path inside it or without.
 *
 * @throws CliError `cli/usage`
 */
export function parseStorePathArgument(text: string): StorePathArgument {
  const inside = text.startsWith(`${STORE_DIR}/`)
    ? text.slice(STORE_DIR.length + 1)
    : text;
  const slash = inside.indexOf('/');
  const base = slash < 0 ? inside : inside.slice(0, slash);
  try {
    return {
      storePath: StorePath.parse(base),
      names: splitPath(inside.slice(base.length)),
    };
  } catch (cause) {
    throw new CliError('cli/usage', `not a store path: "${text}"`, { cause });
  }
}

/**
 * As {@link parseStorePathArgument}, for commands that take a store path as a whole.
 *
 * @throws CliError `cli/usage`
 */
export function parseWholeStorePath(text: string): StorePath {
  const { storePath, names } = parseStorePathArgument(text);
  if (names.length === 0) return storePath;
  throw new CliError(
    'cli/usage',
    `expected a store path, found a path inside one: "${text}"`,
  );
}

/**
 * What the store knows of a store path.
 *
 * @throws CliError `cli/not-found`
 */
export async function requirePathInfo(
  store: Pick<OpenStore, 'pathInfos'>,
  storePath: StorePath,
): Promise<PathInfo> {
  const pathInfo = await store.pathInfos.get(storePath.digest);
  // The same hash under another name is another path.
  if (pathInfo?.storePath.toString() === storePath.toString()) return pathInfo;
  throw new CliError(
    'cli/not-found',
    `the store has no ${storePath.toAbsolutePath()}`,
  );
}

/**
 * The node that an argument leads to.
 *
 * @throws CliError `cli/not-found`
 */
export async function requireNode(
  store: Pick<OpenStore, 'pathInfos' | 'directories'>,
  { storePath, names }: StorePathArgument,
): Promise<FoundNode> {
  const pathInfo = await requirePathInfo(store, storePath);
  const node = await requireBelow(
    store,
    pathInfo.node,
    names,
    storePath.toAbsolutePath(),
  );
  return { pathInfo, node };
}

/**
 * The node at a path below another.
 *
 * @throws CliError `cli/not-found`
 */
export async function requireBelow(
  { directories }: Pick<OpenStore, 'directories'>,
  root: Node,
  names: readonly PathComponent[],
  rootName: string,
): Promise<Node> {
  const node = await descendTo(directories, root, names);
  if (node !== undefined) return node;
  throw new CliError(
    'cli/not-found',
    `there is no ${quotePath(names)} in ${rootName}`,
  );
}
