import type { Node } from '@tvix/castore';
import { encodeNixBase32 } from '@tvix/nar';
import type { PathInfo } from '../path-info/path-info.ts';

/** Paths that are gone, or about to go, and what stood beside them. */
export class ForgottenPaths {
  /** By output hash. */
  readonly #paths = new Set<string>();
  readonly #nodes = new Set<string>();
  /** Base names of derivations: the paths themselves, and what made them. */
  readonly #derivations = new Set<string>();

  constructor(pathInfos: Iterable<PathInfo> = []) {
    for (const pathInfo of pathInfos) this.add(pathInfo);
  }

  get isEmpty(): boolean {
    return this.#paths.size === 0;
  }

  add({ storePath, node, narInfo }: PathInfo): void {
    this.#paths.add(encodeNixBase32(storePath.digest));
    this.#nodes.add(nodeName(node));
    this.#derivations.add(storePath.toString());
    if (narInfo?.deriver) this.#derivations.add(`${narInfo.deriver}.drv`);
  }

  /** A path that stays: what it shares with forgotten ones stays, too. */
  keep({ node, storePath, narInfo }: PathInfo): void {
    this.#nodes.delete(nodeName(node));
    this.#derivations.delete(storePath.toString());
    if (narInfo?.deriver) this.#derivations.delete(`${narInfo.deriver}.drv`);
  }

  has(outputHash: Uint8Array): boolean {
    return this.#paths.has(encodeNixBase32(outputHash));
  }

  /** Whether no path leads to a node any more that led to it. */
  hasNode(node: Node): boolean {
    return this.#nodes.has(nodeName(node));
  }

  /** Whether a derivation, by its base name, was one of the paths or made one, and none that stays. */
  hasDerivation(name: string): boolean {
    return this.#derivations.has(name);
  }
}

function nodeName(node: Node): string {
  if (node.type === 'symlink')
    return `symlink ${Buffer.from(node.target).toString('latin1')}`;
  const executable = node.type === 'file' && node.executable ? ' x' : '';
  return `${node.type}${executable} ${node.digest.toString()}`;
}
