import type { ByteWindow } from './byte-window.ts';
import { corrupt } from './corrupt.ts';

const TOP = 0x1000000;
const PROBABILITY_BITS = 11;
const MOVE_BITS = 5;
const FULL = 1 << PROBABILITY_BITS;

/** A fresh set of probabilities: each bit as likely to be 0 as 1. */
export function freshProbabilities(count: number): Uint16Array {
  return new Uint16Array(count).fill(FULL / 2);
}

/**
 * The range coder of LZMA. It doesn't wait: the window has to hold what a symbol may take, or be at its end, where it
 * reads zeros; whoever calls it sees then that `at` has passed `end`.
 */
export class RangeDecoder {
  readonly #window: ByteWindow;
  #range = 0xffffffff;
  #code = 0;

  constructor(window: ByteWindow) {
    this.#window = window;
  }

  /** How many bytes {@link start} reads. */
  static readonly START_BYTES = 5;

  /** Whether all that was coded has been read: the last symbol of a sound chunk leaves this. */
  get isDone(): boolean {
    return this.#code === 0;
  }

  /** @throws StoreError `store/corrupt-compression` */
  start(): void {
    const [zero, a, b, c, d] = this.#window.take(RangeDecoder.START_BYTES);
    if (zero !== 0) throw corrupt('a chunk has no start');
    this.#range = 0xffffffff;
    this.#code = ((a! << 24) | (b! << 16) | (c! << 8) | d!) >>> 0;
  }

  /** A bit, and what it teaches about the next. */
  bit(probabilities: Uint16Array, index: number): number {
    const probability = probabilities[index]!;
    const bound = (this.#range >>> PROBABILITY_BITS) * probability;
    let bit: number;
    if (this.#code < bound) {
      this.#range = bound;
      probabilities[index] = probability + ((FULL - probability) >>> MOVE_BITS);
      bit = 0;
    } else {
      this.#range -= bound;
      this.#code -= bound;
      probabilities[index] = probability - (probability >>> MOVE_BITS);
      bit = 1;
    }
    if (this.#range < TOP) this.#shift();
    return bit;
  }

  /** `count` bits that are as likely 0 as 1, the highest first. */
  directBits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) {
      this.#range >>>= 1;
      const bit = this.#code >= this.#range ? 1 : 0;
      if (bit === 1) this.#code -= this.#range;
      value = ((value << 1) | bit) >>> 0;
      if (this.#range < TOP) this.#shift();
    }
    return value;
  }

  /** `count` bits, the highest first, each with the probabilities of those before it. */
  tree(probabilities: Uint16Array, start: number, count: number): number {
    let symbol = 1;
    for (let i = 0; i < count; i++)
      symbol = (symbol << 1) | this.bit(probabilities, start + symbol);
    return symbol - (1 << count);
  }

  /** The same, the lowest first. */
  reverseTree(
    probabilities: Uint16Array,
    start: number,
    count: number,
  ): number {
    let symbol = 1;
    let value = 0;
    for (let i = 0; i < count; i++) {
      const bit = this.bit(probabilities, start + symbol);
      symbol = (symbol << 1) | bit;
      value |= bit << i;
    }
    return value;
  }

  #shift(): void {
    const window = this.#window;
    const byte = window.at < window.end ? window.bytes[window.at]! : 0;
    window.at++;
    this.#range = (this.#range << 8) >>> 0;
    this.#code = ((this.#code << 8) | byte) >>> 0;
  }
}
