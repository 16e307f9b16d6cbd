import { compareBytes } from '@tvix/castore';
import type { CallOptions, NamedNode, Node } from '@tvix/castore';
import { StorePath } from '@tvix/nar';
import type { PathInfoService } from './path-info-service/path-info-service.ts';

/** The root nodes of a store under the basenames of their store paths, as a file system of the store shows them. */
export class PathInfoRootNodes {
  readonly #pathInfos: PathInfoService;

  constructor(pathInfos: PathInfoService) {
    this.#pathInfos = pathInfos;
  }

  /** The root node of that name; `undefined` where there is none, as for every name that is no store path's. */
  async get(
    name: Uint8Array,
    options?: CallOptions,
  ): Promise<Node | undefined> {
    const storePath = parseBasename(name);
    if (storePath === undefined) return undefined;
    const pathInfo = await this.#pathInfos.get(storePath.digest, options);
    // A hash alone finds a path info; under another name there is nothing.
    return pathInfo !== undefined &&
      compareBytes(pathInfo.root.name, name) === 0
      ? pathInfo.node
      : undefined;
  }

  /** All root nodes, in the order of their path infos. */
  async *list(options?: CallOptions): AsyncGenerator<NamedNode> {
    for await (const pathInfo of this.#pathInfos.list(options))
      yield pathInfo.root;
  }
}

function parseBasename(name: Uint8Array): StorePath | undefined {
  try {
    return StorePath.parse(name);
  } catch {
    return undefined;
  }
}
