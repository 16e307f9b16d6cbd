/**
 * Numbers and bytes that look random and are the same for the same seed, everywhere and for ever: so that a failure can
 * be repeated. The generator is xorshift32 (Marsaglia, "Xorshift RNGs", 2003), far from good enough for anything else.
 */
export class SeededRandom {
  #state: number;

  /** @param seed any integer; 0 stands for 1, which the generator can leave */
  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  /** An integer from 0 to 2^32 - 1. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (this.#state = x >>> 0);
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    return this.next() % limit;
  }

  /** Bytes, four a number. */
  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i += 4) {
      const four = this.next();
      bytes[i] = four;
      bytes[i + 1] = four >>> 8;
      bytes[i + 2] = four >>> 16;
      bytes[i + 3] = four >>> 24;
    }
    return bytes;
  }

  /** The bytes in consecutive pieces of random lengths up to `max`, as copies of their own. */
  cut(bytes: Uint8Array, max: number): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = at + 1 + this.below(max);
      pieces.push(new Uint8Array(bytes.subarray(at, end)));
      at = end;
    }
    return pieces;
  }
}

/** Bytes of a length that are the same for the same seed. */
export function seededBytes(length: number, seed: number): Uint8Array {
  return new SeededRandom(seed).bytes(length);
}
