import type { B3Digest } from '../digest/b3-digest.ts';
import { compareBytes } from '../digest/bytes.ts';
import { hashBytes } from '../digest/hasher.ts';
import { CastoreError } from '../errors.ts';
import { quoteBytes } from '../path/path-component.ts';
import type { PathComponent } from '../path/path-component.ts';
import { decodeDirectory, encodeDirectory } from '../proto/directory-codec.ts';
import type { DirectoryNode, NamedNode, Node } from './node.ts';

const MAX_SIZE = (1n << 64n) - 1n;

/**
 * A directory: named nodes, sorted bytewise, no name twice. It never changes, and an invalid one can't exist.
 *
 * Its digest is the BLAKE3 of its canonical protobuf encoding (`tvix.castore.v1.Directory`); the empty directory
 * encodes to no bytes at all, so it shares its digest with the empty blob.
 */
export class Directory {
  /** The directory without entries. */
  static readonly EMPTY: Directory = new Directory([], 0n);

  /** All nodes in bytewise order of their names. */
  readonly entries: readonly NamedNode[];

  /**
   * How many elements are here and in all directories below: entries, plus the `size` of each child directory.
   * Unsigned, 64 bits; the sizes of files don't count.
   */
  readonly size: bigint;

  #digest: B3Digest | undefined;

  private constructor(entries: readonly NamedNode[], size: bigint) {
    this.entries = entries;
    this.size = size;
  }

  /**
   * A directory of these nodes, in whatever order they come.
   *
   * @throws CastoreError `castore/duplicate-name`, `castore/size-overflow`
   * @throws RangeError where a node's size isn't an unsigned 64-bit integer
   */
  static fromEntries(nodes: Iterable<NamedNode>): Directory {
    const entries = [...nodes].sort((a, b) => compareBytes(a.name, b.name));
    for (const { node } of entries) {
      if (node.type !== 'symlink' && (node.size < 0n || node.size > MAX_SIZE))
        throw new RangeError(`not an unsigned 64-bit size: ${node.size}`);
    }
    return Directory.#fromSorted(entries);
  }

  /**
   * Decodes and validates a `tvix.castore.v1.Directory` message. Unknown fields are dropped, so that the digest is
   * that of the normalised message.
   *
   * @throws CastoreError `castore/undecodable`, `castore/invalid-node`, `castore/wrong-sorting`,
   *   `castore/duplicate-name`, `castore/size-overflow`
   */
  static decode(bytes: Uint8Array): Directory {
    return Directory.#fromSorted(decodeDirectory(bytes));
  }

  static #fromSorted(entries: readonly NamedNode[]): Directory {
    let size = BigInt(entries.length);
    let previous: PathComponent | undefined;
    for (const { name, node } of entries) {
      if (previous !== undefined && compareBytes(previous, name) === 0) {
        throw new CastoreError(
          'castore/duplicate-name',
          `the name ${quoteBytes(name)} stands twice in a directory`,
          {
            details: { name },
          },
        );
      }
      previous = name;
      if (node.type === 'directory') size += node.size;
    }
    if (size > MAX_SIZE) {
      throw new CastoreError(
        'castore/size-overflow',
        'the size of a directory exceeds 64 bits',
      );
    }
    return new Directory(entries, size);
  }

  /** The digest of the canonical encoding. */
  get digest(): B3Digest {
    return (this.#digest ??= hashBytes(this.encode()));
  }

  /** The canonical encoding. */
  encode(): Uint8Array {
    return encodeDirectory(this.entries);
  }

  /** The node of that name; `undefined` where there is none. */
  get(name: Uint8Array): Node | undefined {
    let low = 0;
    let high = this.entries.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const entry = this.entries[middle]!;
      const order = compareBytes(entry.name, name);
      if (order === 0) return entry.node;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  /** The child directories in order of their names. */
  *directories(): IterableIterator<DirectoryNode> {
    for (const { node } of this.entries)
      if (node.type === 'directory') yield node;
  }
}
