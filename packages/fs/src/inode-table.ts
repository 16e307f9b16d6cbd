import type { Node } from '@tvix/castore';
import type { Attributes } from './attributes.ts';
import { ROOT_ID } from './fuse/protocol.ts';
import { contentDigest, KIND, kindOf, nodeSize } from './inode-identity.ts';
import type { InodeKind } from './inode-identity.ts';
import { bucketHash, InodePage, PAGE_SLOTS } from './inode-page.ts';
import type { InodeFields } from './inode-page.ts';

/**
 * The inodes that the kernel knows: nodeid → content, and content → nodeid, each with the number of references that
 * the kernel holds. Some 60 bytes an inode, given back page by page as the kernel forgets.
 *
 * Files and symlinks are keyed by content, wherever they occur, so that the kernel keeps one copy of equal files. A
 * directory is keyed by its place too (parent and name): the kernel knows only one place of a directory, and where two
 * shared a nodeid it would move the one to the other, which changes the `..` of whoever is inside. What is equal for
 * equal directories is `st_ino`.
 */
export class InodeTable {
  readonly #pages: (InodePage | undefined)[] = [];
  /** Pages with a free slot; may name pages that have filled up or gone since. */
  readonly #roomy: number[] = [];
  readonly #vacant: number[] = [];
  #buckets = new Uint32Array(1024);
  #size = 0;

  /** How many inodes the kernel knows, the root aside. */
  get size(): number {
    return this.#size;
  }

  /** How many bytes the table takes. */
  get bytes(): number {
    const pages = this.#pages.filter((page) => page !== undefined).length;
    return pages * InodePage.BYTES + this.#buckets.byteLength;
  }

  /** What that nodeid is; `FREE` for one that the kernel can't know. The root isn't in the table. */
  kind(id: number): InodeKind {
    const page = this.#pages[Math.floor(id / PAGE_SLOTS)];
    return (page?.kinds[id % PAGE_SLOTS] ?? KIND.FREE) as InodeKind;
  }

  /** What `stat` needs of an inode that is there. The digest is a view of the table. */
  attributes(id: number): Attributes {
    const page = this.#page(id);
    const slot = id % PAGE_SLOTS;
    return {
      kind: page.kinds[slot] as InodeKind,
      digest: page.digest(slot),
      size: page.sizes[slot]!,
    };
  }

  /** Where a symlink points. */
  target(id: number): Uint8Array {
    return this.#page(id).target(id % PAGE_SLOTS);
  }

  /**
   * The nodeid of a node, with one more reference.
   *
   * @param parent the directory that it was found in
   * @param name its name there
   */
  acquire(node: Node, parent: number, name: Uint8Array): number {
    const kind = kindOf(node);
    const fields: InodeFields = {
      kind,
      digest: contentDigest(node),
      size: nodeSize(node),
      place: kind === KIND.DIRECTORY ? placeOf(parent, name) : 0,
      target: node.type === 'symlink' ? node.target : undefined,
    };
    const id = this.#find(fields) ?? this.#insert(fields);
    this.#page(id).references[id % PAGE_SLOTS]! += 1;
    return id;
  }

  /** The kernel gives references back; the last takes the inode with it. Nodeids that aren't there are ignored. */
  forget(id: number, references: number): void {
    const page = this.#pages[Math.floor(id / PAGE_SLOTS)];
    const slot = id % PAGE_SLOTS;
    if (page === undefined || page.kinds[slot] === KIND.FREE) return;
    page.references[slot]! -= references;
    if (page.references[slot]! <= 0) this.#remove(id, page, slot);
  }

  /** Forgets everything: a new kernel is at the other end. */
  clear(): void {
    this.#pages.length = 0;
    this.#roomy.length = 0;
    this.#vacant.length = 0;
    this.#buckets = new Uint32Array(1024);
    this.#size = 0;
  }

  #page(id: number): InodePage {
    return this.#pages[Math.floor(id / PAGE_SLOTS)]!;
  }

  #find(fields: InodeFields): number | undefined {
    let id = this.#buckets[bucketHash(fields) & (this.#buckets.length - 1)]!;
    while (id !== 0) {
      const page = this.#page(id);
      const slot = id % PAGE_SLOTS;
      if (page.matches(slot, fields)) return id;
      id = page.next[slot]!;
    }
    return undefined;
  }

  #insert(fields: InodeFields): number {
    if (this.#size >= this.#buckets.length)
      this.#rehash(this.#buckets.length * 2);
    const index = this.#roomyPage();
    const page = this.#pages[index]!;
    const slot = page.add(fields);
    const id = index * PAGE_SLOTS + slot;
    this.#link(id, page, slot);
    this.#size++;
    return id;
  }

  #roomyPage(): number {
    for (
      let last = this.#roomy.at(-1);
      last !== undefined;
      last = this.#roomy.at(-1)
    ) {
      if (this.#pages[last]?.hasRoom === true) return last;
      this.#roomy.pop();
    }
    const index = this.#vacant.pop() ?? this.#pages.length;
    // Nodeid 0 means "nothing" to the kernel, and 1 is the root.
    this.#pages[index] = new InodePage(index === 0 ? ROOT_ID + 1 : 0);
    this.#roomy.push(index);
    return index;
  }

  #link(id: number, page: InodePage, slot: number): void {
    const bucket = page.hash(slot) & (this.#buckets.length - 1);
    page.next[slot] = this.#buckets[bucket]!;
    this.#buckets[bucket] = id;
  }

  #remove(id: number, page: InodePage, slot: number): void {
    const bucket = page.hash(slot) & (this.#buckets.length - 1);
    const next = page.next[slot]!;
    let at = this.#buckets[bucket]!;
    if (at === id) this.#buckets[bucket] = next;
    else {
      while (this.#page(at).next[at % PAGE_SLOTS] !== id)
        at = this.#page(at).next[at % PAGE_SLOTS]!;
      this.#page(at).next[at % PAGE_SLOTS] = next;
    }
    this.#size--;
    const index = Math.floor(id / PAGE_SLOTS);
    if (!page.hasRoom) this.#roomy.push(index);
    page.free(slot);
    if (page.isEmpty) {
      this.#pages[index] = undefined;
      this.#vacant.push(index);
    }
    if (this.#buckets.length > 1024 && this.#size < this.#buckets.length / 8)
      this.#rehash(this.#buckets.length / 4);
  }

  #rehash(buckets: number): void {
    this.#buckets = new Uint32Array(buckets);
    this.#pages.forEach((page, index) => {
      if (page === undefined) return;
      for (let slot = 0; slot < PAGE_SLOTS; slot++) {
        if (page.kinds[slot] !== KIND.FREE)
          this.#link(index * PAGE_SLOTS + slot, page, slot);
      }
    });
  }
}

/**
 * Tells the names of a directory apart. A collision is harmless: it needs two equal directories in one, which then
 * share a nodeid.
 */
function placeOf(parent: number, name: Uint8Array): number {
  return (Math.imul(parent, 0x9e3779b1) ^ fnv1a(name)) >>> 0;
}

function fnv1a(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
