/** XXH32 with seed 0, as LZ4 frames have it (xxHash fast digest algorithm, 0.1.1). */
const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;
const STRIPE_BYTES = 16;

/** The XXH32 of bytes that come in pieces. */
export class XxHash32 {
  readonly #lanes = Int32Array.of(PRIME_1 + PRIME_2, PRIME_2, 0, -PRIME_1);
  /** Bytes that don't fill a stripe yet. */
  readonly #rest = new Uint8Array(STRIPE_BYTES);
  #restLength = 0;
  #length = 0;

  update(bytes: Uint8Array): void {
    this.#length += bytes.length;
    let at = 0;
    if (this.#restLength > 0) {
      at = Math.min(bytes.length, STRIPE_BYTES - this.#restLength);
      this.#rest.set(bytes.subarray(0, at), this.#restLength);
      this.#restLength += at;
      if (this.#restLength < STRIPE_BYTES) return;
      this.#stripes(this.#rest, 0);
    }
    at = this.#stripes(bytes, at);
    this.#rest.set(bytes.subarray(at));
    this.#restLength = bytes.length - at;
  }

  /** The 32 bits, unsigned. */
  digest(): number {
    const [a, b, c, d] = this.#lanes;
    let hash =
      this.#length >= STRIPE_BYTES
        ? rotate(a!, 1) + rotate(b!, 7) + rotate(c!, 12) + rotate(d!, 18)
        : PRIME_5;
    hash = (hash + this.#length) | 0;
    let at = 0;
    for (; at + 4 <= this.#restLength; at += 4) {
      hash = (hash + Math.imul(readInt32(this.#rest, at), PRIME_3)) | 0;
      hash = Math.imul(rotate(hash, 17), PRIME_4);
    }
    for (; at < this.#restLength; at++) {
      hash = (hash + Math.imul(this.#rest[at]!, PRIME_5)) | 0;
      hash = Math.imul(rotate(hash, 11), PRIME_1);
    }
    hash = Math.imul(hash ^ (hash >>> 15), PRIME_2);
    hash = Math.imul(hash ^ (hash >>> 13), PRIME_3);
    return (hash ^ (hash >>> 16)) >>> 0;
  }

  /** Takes all whole stripes from `at` on; answers where they end. */
  #stripes(bytes: Uint8Array, at: number): number {
    let [a = 0, b = 0, c = 0, d = 0] = this.#lanes;
    for (; at + STRIPE_BYTES <= bytes.length; at += STRIPE_BYTES) {
      a = round(a, readInt32(bytes, at));
      b = round(b, readInt32(bytes, at + 4));
      c = round(c, readInt32(bytes, at + 8));
      d = round(d, readInt32(bytes, at + 12));
    }
    this.#lanes.set([a, b, c, d]);
    return at;
  }
}

function round(lane: number, input: number): number {
  const sum = (lane + Math.imul(input, PRIME_2)) | 0;
  return Math.imul(rotate(sum, 13), PRIME_1);
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function readInt32(bytes: Uint8Array, at: number): number {
  return (
    bytes[at]! |
    (bytes[at + 1]! << 8) |
    (bytes[at + 2]! << 16) |
    (bytes[at + 3]! << 24)
  );
}
