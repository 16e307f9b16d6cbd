import { pathComponent } from '@tvix/castore';
import type {
  B3Digest,
  CallOptions,
  DirectoryLookup,
  NamedNode,
  Node,
  PathComponent,
} from '@tvix/castore';
import { DirectoryCache } from './directory-cache.ts';

/**
 * What stands at the root of a file system: nodes under names. A store of path infos, the inputs of a build, or the
 * entries of one directory.
 *
 * Both methods may be called concurrently. Absence is `undefined`; only failure throws.
 */
export interface RootNodes {
  /** Whether names always lead to the same nodes, so that the kernel may remember them for ever. False if left out. */
  readonly immutable?: boolean;

  /** The node of that name; `undefined` where there is none. */
  get(name: PathComponent, options?: CallOptions): Promise<Node | undefined>;

  /** All of them, each name once, in any order that doesn't change while nothing is added. */
  list(options?: CallOptions): AsyncIterable<NamedNode>;
}

/** Roots of names and nodes that are at hand, in the order given. Later changes of what was passed in don't show. */
export function rootNodesFromEntries(
  entries: Iterable<readonly [name: string | Uint8Array, node: Node]>,
): RootNodes {
  const nodes = new Map<string, NamedNode>();
  for (const [text, node] of entries) {
    const name = pathComponent(text);
    nodes.set(nameKey(name), { name, node });
  }
  return {
    immutable: true,
    async get(name) {
      return nodes.get(nameKey(name))?.node;
    },
    async *list() {
      yield* nodes.values();
    },
  };
}

/**
 * Roots that are the entries of one directory, which is read once and kept. Calls throw `castore/directory-not-found`
 * where it isn't stored.
 */
export function rootNodesFromDirectory(
  directories: DirectoryLookup,
  digest: B3Digest,
): RootNodes {
  const root = new DirectoryCache(directories, 0);
  return {
    immutable: true,
    async get(name, options) {
      return (await root.load(digest, options?.signal)).get(name);
    },
    async *list(options) {
      yield* (await root.load(digest, options?.signal)).entries();
    },
  };
}

function nameKey(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.length).toString(
    'latin1',
  );
}
