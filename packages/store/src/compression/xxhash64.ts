/**
 * XXH64 with seed 0, as Zstandard frames have it (xxHash fast digest algorithm, 0.1.1). Stripes are added up with halves
 * of 32 bits, since `BigInt` would be slower than what decompresses; the few steps at the end are done with it.
 */
const PRIME_1 = 0x9e3779b185ebca87n;
const PRIME_2 = 0xc2b2ae3d27d4eb4fn;
const PRIME_3 = 0x165667b19e3779f9n;
const PRIME_4 = 0x85ebca77c2b2ae63n;
const PRIME_5 = 0x27d4eb2f165667c5n;
const STRIPE_BYTES = 32;

/** Halves of the two primes that stripes are multiplied with. */
const PRIME_1_HIGH = 0x9e3779b1;
const PRIME_1_LOW = 0x85ebca87;
const PRIME_2_HIGH = 0xc2b2ae3d;
const PRIME_2_LOW = 0x27d4eb4f;

/** The XXH64 of bytes that come in pieces. */
export class XxHash64 {
  /** Four lanes, the lower half of each first. */
  readonly #lanes = new Uint32Array(8);
  /** Bytes that don't fill a stripe yet. */
  readonly #rest = Buffer.alloc(STRIPE_BYTES);
  #restLength = 0;
  #length = 0;

  constructor() {
    const first = [PRIME_1 + PRIME_2, PRIME_2, 0n, -PRIME_1];
    for (const [i, lane] of first.entries()) {
      this.#lanes[2 * i] = Number(BigInt.asUintN(32, lane));
      this.#lanes[2 * i + 1] = Number(BigInt.asUintN(32, lane >> 32n));
    }
  }

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

  digest(): bigint {
    let hash = this.#length >= STRIPE_BYTES ? this.#merged() : PRIME_5;
    hash += BigInt(this.#length);
    let at = 0;
    for (; at + 8 <= this.#restLength; at += 8) {
      hash = u64(hash) ^ round(0n, this.#rest.readBigUInt64LE(at));
      hash = rotate(hash, 27n) * PRIME_1 + PRIME_4;
    }
    for (; at + 4 <= this.#restLength; at += 4) {
      const word = BigInt(this.#rest.readUInt32LE(at));
      hash = rotate(u64(hash) ^ u64(word * PRIME_1), 23n) * PRIME_2 + PRIME_3;
    }
    for (; at < this.#restLength; at++) {
      const byte = BigInt(this.#rest[at]!);
      hash = rotate(u64(hash) ^ u64(byte * PRIME_5), 11n) * PRIME_1;
    }
    hash = u64(hash);
    hash = u64((hash ^ (hash >> 33n)) * PRIME_2);
    hash = u64((hash ^ (hash >> 29n)) * PRIME_3);
    return hash ^ (hash >> 32n);
  }

  #merged(): bigint {
    const lanes = [0, 1, 2, 3].map(
      (i) =>
        BigInt(this.#lanes[2 * i]!) | (BigInt(this.#lanes[2 * i + 1]!) << 32n),
    );
    let hash = 0n;
    for (const [i, lane] of lanes.entries())
      hash += rotate(lane, [1n, 7n, 12n, 18n][i]!);
    for (const lane of lanes)
      hash = (u64(hash) ^ round(0n, lane)) * PRIME_1 + PRIME_4;
    return u64(hash);
  }

  /** Takes all whole stripes from `at` on; answers where they end. */
  #stripes(bytes: Uint8Array, at: number): number {
    const lanes = this.#lanes;
    for (; at + STRIPE_BYTES <= bytes.length; at += STRIPE_BYTES)
      for (let i = 0; i < 8; i += 2) addRound(lanes, i, bytes, at + 4 * i);
    return at;
  }
}

/** One round of the lane whose halves are at `i`: lane = rotate(lane + input * PRIME_2, 31) * PRIME_1. */
function addRound(
  lanes: Uint32Array,
  i: number,
  bytes: Uint8Array,
  at: number,
): void {
  const low = readInt32(bytes, at);
  const high = readInt32(bytes, at + 4);
  const productLow = Math.imul(low, PRIME_2_LOW);
  const productHigh =
    highProduct(low, PRIME_2_LOW) +
    Math.imul(low, PRIME_2_HIGH) +
    Math.imul(high, PRIME_2_LOW);
  const sumLow = lanes[i]! + (productLow >>> 0);
  const carry = sumLow > 0xffffffff ? 1 : 0;
  const sumHigh = (lanes[i + 1]! + productHigh + carry) | 0;
  // By 31 bits to the left is by one to the right with the halves exchanged.
  const turnedLow = (sumHigh >>> 1) | ((sumLow & 1) << 31);
  const turnedHigh = ((sumLow | 0) >>> 1) | ((sumHigh & 1) << 31);
  lanes[i] = Math.imul(turnedLow, PRIME_1_LOW);
  lanes[i + 1] =
    highProduct(turnedLow, PRIME_1_LOW) +
    Math.imul(turnedLow, PRIME_1_HIGH) +
    Math.imul(turnedHigh, PRIME_1_LOW);
}

/** The upper 32 bits of the product of two words. */
function highProduct(a: number, b: number): number {
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const other = a0 * b1 + (middle & 0xffff);
  return (a1 * b1 + (middle >>> 16) + (other >>> 16)) | 0;
}

function readInt32(bytes: Uint8Array, at: number): number {
  return (
    bytes[at]! |
    (bytes[at + 1]! << 8) |
    (bytes[at + 2]! << 16) |
    (bytes[at + 3]! << 24)
  );
}

function round(lane: bigint, input: bigint): bigint {
  return u64(rotate(u64(lane + input * PRIME_2), 31n) * PRIME_1);
}

function rotate(word: bigint, bits: bigint): bigint {
  const w = u64(word);
  return u64((w << bits) | (w >> (64n - bits)));
}

function u64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}
