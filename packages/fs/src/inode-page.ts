import { KIND } from './inode-identity.ts';

/** Inodes a page. */
export const PAGE_SLOTS = 4096;

const DIGEST_BYTES = 32;

/** What is known of an inode, the kernel's references aside. */
export interface InodeFields {
  readonly kind: number;
  /** 32 bytes that stand for the content. */
  readonly digest: Uint8Array;
  readonly size: bigint;
  /** Tells equal directories at different places apart; 0 for everything else. */
  readonly place: number;
  /** Where a symlink points. */
  readonly target: Uint8Array | undefined;
}

/** Spreads inodes over buckets: 32 bits, of which the lower count. Digests are random already. */
export function bucketHash({
  kind,
  digest,
  place,
}: Pick<InodeFields, 'kind' | 'digest' | 'place'>): number {
  const word =
    digest[0]! | (digest[1]! << 8) | (digest[2]! << 16) | (digest[3]! << 24);
  return (word ^ place ^ Math.imul(kind, 0x9e3779b1)) >>> 0;
}

/** Some inodes of an {@link InodeTable}, field by field in flat arrays. The nodeid is page × {@link PAGE_SLOTS} + slot. */
export class InodePage {
  /** What a page takes, symlink targets aside. */
  static readonly BYTES: number =
    PAGE_SLOTS * (DIGEST_BYTES + 8 + 8 + 4 + 4 + 1);

  readonly kinds: Uint8Array = new Uint8Array(PAGE_SLOTS);
  readonly digests: Uint8Array = new Uint8Array(PAGE_SLOTS * DIGEST_BYTES);
  readonly sizes: BigUint64Array = new BigUint64Array(PAGE_SLOTS);
  /** How many references the kernel holds. */
  readonly references: Float64Array = new Float64Array(PAGE_SLOTS);
  /** The next nodeid in the same bucket, or the next free slot + 1. */
  readonly next: Uint32Array = new Uint32Array(PAGE_SLOTS);
  readonly #places = new Uint32Array(PAGE_SLOTS);
  readonly #targets = new Map<number, Uint8Array>();
  #used = 0;
  /** The first slot + 1 of the chain of those that were freed; 0 for none. */
  #freed = 0;
  /** The first slot that was never used. */
  #fresh: number;
  readonly #first: number;

  /** @param first slots below it are never given out */
  constructor(first: number) {
    this.#first = first;
    this.#fresh = first;
  }

  get hasRoom(): boolean {
    return this.#used < PAGE_SLOTS - this.#first;
  }

  get isEmpty(): boolean {
    return this.#used === 0;
  }

  /** Takes a slot, without references yet; there must be room. */
  add({ kind, digest, size, place, target }: InodeFields): number {
    this.#used++;
    const slot = this.#freed === 0 ? this.#fresh++ : this.#freed - 1;
    if (slot === this.#freed - 1) this.#freed = this.next[slot]!;
    this.kinds[slot] = kind;
    this.digests.set(digest, slot * DIGEST_BYTES);
    this.sizes[slot] = size;
    this.#places[slot] = place;
    this.references[slot] = 0;
    // A copy: the target may be a view of a whole encoded directory.
    if (target !== undefined) this.#targets.set(slot, new Uint8Array(target));
    return slot;
  }

  free(slot: number): void {
    this.kinds[slot] = KIND.FREE;
    this.#targets.delete(slot);
    this.next[slot] = this.#freed;
    this.#freed = slot + 1;
    this.#used--;
  }

  /** The 32 bytes that stand for the content; a view. */
  digest(slot: number): Uint8Array {
    return this.digests.subarray(
      slot * DIGEST_BYTES,
      (slot + 1) * DIGEST_BYTES,
    );
  }

  /** Where a symlink points. */
  target(slot: number): Uint8Array {
    return this.#targets.get(slot)!;
  }

  matches(slot: number, { kind, digest, size, place }: InodeFields): boolean {
    if (this.kinds[slot] !== kind || this.#places[slot] !== place) return false;
    const base = slot * DIGEST_BYTES;
    for (let i = 0; i < DIGEST_BYTES; i++)
      if (this.digests[base + i] !== digest[i]) return false;
    // A node may lie about the size: it must not speak for the honest one.
    return this.sizes[slot] === size;
  }

  hash(slot: number): number {
    return bucketHash({
      kind: this.kinds[slot]!,
      digest: this.digest(slot),
      place: this.#places[slot]!,
    });
  }
}
