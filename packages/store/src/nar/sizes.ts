import { setImmediate as turnOfOthers } from 'node:timers/promises';
import { requireDirectory } from '@tvix/castore';
import type {
  B3Digest,
  CallOptions,
  DirectoryLookup,
  NamedNode,
  Node,
} from '@tvix/castore';
import {
  archiveSize,
  DEFAULT_NAR_LIMITS,
  directoryNodeSize,
  entrySize,
  regularNodeSize,
  symlinkNodeSize,
} from '@tvix/nar';
import { StoreError } from '../errors.ts';

const DEFAULT_MAX_ENTRIES = 65_536;
/** After so many directories others have their turn: some ms. */
const LOOKS_A_TURN = 128;
const MAX_U64 = 2n ** 64n - 1n;

/**
 * The exact sizes of NARs and of the nodes in them, told from directories alone: no blob is read. The sizes of
 * directories are remembered, as many of the latest as it may hold: a digest stands for one size.
 */
export class NarSizes {
  readonly #directories: DirectoryLookup;
  readonly #maxEntries: number;
  readonly #known = new Map<string, bigint>();
  #looked = 0;

  constructor(
    directories: DirectoryLookup,
    maxEntries: number = DEFAULT_MAX_ENTRIES,
  ) {
    this.#directories = directories;
    this.#maxEntries = maxEntries;
  }

  /**
   * The size in bytes of the NAR of a node.
   *
   * @throws CastoreError `castore/directory-not-found`; StoreError `store/no-nar-form` where the tree is too deep, or the
   *   size exceeds 64 bits
   */
  async ofArchive(node: Node, options?: CallOptions): Promise<bigint> {
    return checked(archiveSize(await this.ofNode(node, options)));
  }

  /** The size in bytes that a node takes inside a NAR. Throws as {@link ofArchive}. */
  async ofNode(node: Node, options?: CallOptions): Promise<bigint> {
    return checked(await this.#nodeSize(node, 0, new Map(), options));
  }

  /** The size in bytes that an entry of a directory takes inside a NAR. Throws as {@link ofArchive}. */
  async ofEntry(
    { name, node }: NamedNode,
    options?: CallOptions,
  ): Promise<bigint> {
    return entrySize(name.length, await this.ofNode(node, options));
  }

  /**
   * A promise only where a directory has to be looked up: most nodes are files. What was found on the way is remembered
   * until the end, though others may have taken its place: a directory may stand in a tree any number of times.
   */
  #nodeSize(
    node: Node,
    depth: number,
    found: Map<string, bigint>,
    options?: CallOptions,
  ): bigint | Promise<bigint> {
    switch (node.type) {
      case 'file':
        return regularNodeSize(node.executable, node.size);
      case 'symlink':
        return symlinkNodeSize(node.target.length);
      case 'directory':
        return (
          found.get(node.digest.key) ??
          this.#known.get(node.digest.key) ??
          this.#lookUp(node.digest, depth, found, options)
        );
    }
  }

  async #lookUp(
    digest: B3Digest,
    depth: number,
    found: Map<string, bigint>,
    options?: CallOptions,
  ): Promise<bigint> {
    if (depth >= DEFAULT_NAR_LIMITS.depth) {
      throw new StoreError(
        'store/no-nar-form',
        `the tree has no NAR: it has more than ${DEFAULT_NAR_LIMITS.depth} levels`,
      );
    }
    // What is at hand is looked up without anybody else having a turn, and trees have millions of directories.
    if (++this.#looked % LOOKS_A_TURN === 0) await turnOfOthers();
    const directory = await requireDirectory(
      this.#directories,
      digest,
      options,
    );
    let entries = 0n;
    for (const { name, node } of directory.entries) {
      const size = this.#nodeSize(node, depth + 1, found, options);
      entries += entrySize(
        name.length,
        typeof size === 'bigint' ? size : await size,
      );
    }
    const size = checked(directoryNodeSize(entries));
    found.set(digest.key, size);
    this.#remember(digest, size);
    return size;
  }

  #remember(digest: B3Digest, size: bigint): void {
    this.#known.set(digest.key, size);
    if (this.#known.size <= this.#maxEntries) return;
    // A map keeps the order of insertion: the first key is the oldest.
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }
}

/** A few directories that stand in each other often enough have more than any NAR can hold. */
function checked(size: bigint): bigint {
  if (size <= MAX_U64) return size;
  throw new StoreError(
    'store/no-nar-form',
    'the tree has no NAR: its size exceeds 64 bits',
  );
}
