import { B3Digest } from '@tvix/castore';
import type {
  Directory,
  NamedNode,
  Node,
  PathComponent,
  SymlinkTarget,
} from '@tvix/castore';
import { KIND, kindOf } from './inode-identity.ts';
import type { InodeKind } from './inode-identity.ts';

/**
 * A directory as the cache keeps it: names, digests and targets behind each other in one piece of memory, some 60 bytes
 * an entry, where objects take 400. What is asked for is made anew each time, and dies young.
 */
export class PackedDirectory {
  /** How many entries there are. */
  readonly length: number;
  /** Each entry's name, and behind it its digest or target. */
  readonly #bytes: Uint8Array;
  /** Where each entry's name begins, and where the last entry ends. */
  readonly #names: Uint32Array;
  /** Where each entry's name ends. */
  readonly #data: Uint32Array;
  readonly #sizes: BigUint64Array;
  readonly #kinds: Uint8Array;

  constructor({ entries }: Directory) {
    const { length } = entries;
    this.length = length;
    this.#names = new Uint32Array(length + 1);
    this.#data = new Uint32Array(length);
    this.#sizes = new BigUint64Array(length);
    this.#kinds = new Uint8Array(length);
    this.#bytes = new Uint8Array(
      entries.reduce(
        (sum, { name, node }) => sum + name.length + dataOf(node).length,
        0,
      ),
    );
    let at = 0;
    for (let i = 0; i < length; i++) {
      const { name, node } = entries[i]!;
      const data = dataOf(node);
      this.#bytes.set(name, at);
      this.#data[i] = at += name.length;
      this.#bytes.set(data, at);
      this.#names[i + 1] = at += data.length;
      this.#kinds[i] = kindOf(node);
      if (node.type !== 'symlink') this.#sizes[i] = node.size;
    }
  }

  /** How much memory it takes, in bytes. */
  get byteLength(): number {
    return this.#bytes.length + this.length * (4 + 4 + 8 + 1) + 500;
  }

  /** The node of that name; `undefined` where there is none. */
  get(name: Uint8Array): Node | undefined {
    let low = 0;
    let high = this.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const order = this.#compareName(middle, name);
      if (order === 0) return this.#node(middle);
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  /** The entry at that place in bytewise order of the names, which must be there. */
  entry(index: number): NamedNode {
    const name = this.#bytes.subarray(this.#names[index], this.#data[index]);
    return { name: name as PathComponent, node: this.#node(index) };
  }

  /** All entries in bytewise order of their names. */
  *entries(): IterableIterator<NamedNode> {
    for (let i = 0; i < this.length; i++) yield this.entry(i);
  }

  #node(index: number): Node {
    const kind = this.#kinds[index] as InodeKind;
    const data = this.#bytes.subarray(
      this.#data[index],
      this.#names[index + 1],
    );
    if (kind === KIND.SYMLINK)
      return { type: 'symlink', target: data as SymlinkTarget };
    const digest = B3Digest.fromBytes(data);
    const size = this.#sizes[index]!;
    if (kind === KIND.DIRECTORY) return { type: 'directory', digest, size };
    return { type: 'file', digest, size, executable: kind === KIND.EXECUTABLE };
  }

  /** As `memcmp` orders: below zero where the entry comes before the name, above where it comes behind. */
  #compareName(index: number, name: Uint8Array): number {
    const start = this.#names[index]!;
    const length = this.#data[index]! - start;
    const common = Math.min(length, name.length);
    for (let i = 0; i < common; i++) {
      const difference = this.#bytes[start + i]! - name[i]!;
      if (difference !== 0) return difference;
    }
    return length - name.length;
  }
}

function dataOf(node: Node): Uint8Array {
  return node.type === 'symlink' ? node.target : node.digest.bytes;
}
