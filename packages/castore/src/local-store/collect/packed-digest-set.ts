import { randomBytes } from 'node:crypto';

const DIGEST_BYTES = 32;
/** Digests lie in slabs of so many, so that growing copies none of them. */
const SLAB_DIGESTS = 1 << 14;
const FIRST_SLOTS = 1 << 10;

/** A set of 32-byte digests that takes some 40 bytes for each: millions fit where a `Set` of strings doesn't. */
export class PackedDigestSet {
  readonly #slabs: Buffer[] = [];
  /** One more than the number of a digest, or 0. */
  #slots = new Uint32Array(FIRST_SLOTS);
  #size = 0;
  /** Whoever chooses what is stored can't choose where it collides. */
  readonly #salt: readonly [number, number, number, number];

  constructor() {
    const salt = randomBytes(16);
    this.#salt = [0, 4, 8, 12].map((at) => salt.readInt32LE(at) | 1) as [
      number,
      number,
      number,
      number,
    ];
  }

  get size(): number {
    return this.#size;
  }

  has(digest: Uint8Array): boolean {
    return this.#slots[this.#slotOf(digest)] !== 0;
  }

  /** Counted from 0 in the order in which they were added; `undefined` for one that isn't there. */
  numberOf(digest: Uint8Array): number | undefined {
    const number = this.#slots[this.#slotOf(digest)]!;
    return number === 0 ? undefined : number - 1;
  }

  /** The digest of a number: a view. */
  at(number: number): Uint8Array {
    const slab = this.#slabs[Math.floor(number / SLAB_DIGESTS)]!;
    const start = (number % SLAB_DIGESTS) * DIGEST_BYTES;
    return slab.subarray(start, start + DIGEST_BYTES);
  }

  /** Answers whether the digest is new. Its bytes are copied. */
  add(digest: Uint8Array): boolean {
    if (2 * (this.#size + 1) > this.#slots.length) this.#grow();
    const slot = this.#slotOf(digest);
    if (this.#slots[slot] !== 0) return false;
    const at = this.#size % SLAB_DIGESTS;
    if (at === 0)
      this.#slabs.push(Buffer.allocUnsafeSlow(SLAB_DIGESTS * DIGEST_BYTES));
    this.#slabs.at(-1)!.set(digest, at * DIGEST_BYTES);
    this.#size += 1;
    this.#slots[slot] = this.#size;
    return true;
  }

  #slotOf(digest: Uint8Array): number {
    const mask = this.#slots.length - 1;
    let slot = this.#hash(digest) & mask;
    for (;;) {
      const number = this.#slots[slot]!;
      if (number === 0 || this.#isAt(number - 1, digest)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #isAt(number: number, digest: Uint8Array): boolean {
    const slab = this.#slabs[Math.floor(number / SLAB_DIGESTS)]!;
    const start = (number % SLAB_DIGESTS) * DIGEST_BYTES;
    for (let i = 0; i < DIGEST_BYTES; i += 1)
      if (slab[start + i] !== digest[i]) return false;
    return true;
  }

  #hash(digest: Uint8Array): number {
    const [a, b, c, d] = this.#salt;
    const mixed =
      Math.imul(word(digest, 0) ^ a, b) ^ Math.imul(word(digest, 4) ^ c, d);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }

  #grow(): void {
    this.#slots = new Uint32Array(2 * this.#slots.length);
    for (let number = 0; number < this.#size; number += 1) {
      const slab = this.#slabs[Math.floor(number / SLAB_DIGESTS)]!;
      const start = (number % SLAB_DIGESTS) * DIGEST_BYTES;
      const digest = slab.subarray(start, start + DIGEST_BYTES);
      this.#slots[this.#slotOf(digest)] = number + 1;
    }
  }
}

function word(digest: Uint8Array, at: number): number {
  return (
    digest[at]! |
    (digest[at + 1]! << 8) |
    (digest[at + 2]! << 16) |
    (digest[at + 3]! << 24)
  );
}
