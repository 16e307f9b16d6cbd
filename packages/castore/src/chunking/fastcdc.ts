/**
 * Content-defined chunking after Xia et al., "The Design of Fast Content-Defined Chunking" (IEEE TPDS 2020): a rolling
 * gear hash, no cut before the minimum, a stricter mask before the average and a laxer one behind it, so that lengths
 * gather around the average.
 *
 * The hash has 32 bits instead of 64, which is what JavaScript computes fast; its window is the last 32 bytes. The masks
 * take the highest bits, on which most of the window bears.
 */
import { gearTable } from './gear.ts';
import type { ChunkingParameters } from './parameters.ts';

/** How many bits the masks are stricter before the average, and laxer behind it. */
const NORMALIZATION = 2;

/** Finds where chunks end. */
export class ChunkCutter {
  readonly #min: number;
  readonly #average: number;
  readonly #max: number;
  readonly #strictMask: number;
  readonly #laxMask: number;

  constructor(parameters: ChunkingParameters) {
    const bits = Math.log2(parameters.averageBytes);
    this.#min = parameters.minBytes;
    this.#average = parameters.averageBytes;
    this.#max = parameters.maxBytes;
    this.#strictMask = highBits(bits + NORMALIZATION);
    this.#laxMask = highBits(bits - NORMALIZATION);
  }

  /**
   * The length of the first chunk. Given fewer bytes than the maximum, these must be all that is left: where a chunk
   * ends depends on nothing but the contents up to there.
   */
  cut(bytes: Uint8Array): number {
    if (bytes.length <= this.#min) return bytes.length;
    const end = Math.min(bytes.length, this.#max);
    const middle = Math.min(end, this.#average);
    const early = scan(bytes, this.#min, middle, this.#strictMask);
    if (early > 0) return early;
    const late = scan(bytes, middle, end, this.#laxMask);
    return late > 0 ? late : end;
  }
}

/** The hash is that of as many bytes: what is older has been shifted out. */
const WINDOW_BYTES = 32;

/**
 * The first place in a stretch behind a byte at which the masked bits of the hash are zero; 0 where there is none.
 * Four steps a turn: twice as fast as one, and this is what importing large files waits for.
 */
function scan(
  bytes: Uint8Array,
  from: number,
  end: number,
  mask: number,
): number {
  const gear = gearTable();
  let hash = 0;
  let at = from - WINDOW_BYTES;
  for (; at < from; at += 1) hash = ((hash << 1) + gear[bytes[at]!]!) | 0;
  for (const last = end - 3; at < last; at += 4) {
    hash = ((hash << 1) + gear[bytes[at]!]!) | 0;
    if ((hash & mask) === 0) return at + 1;
    hash = ((hash << 1) + gear[bytes[at + 1]!]!) | 0;
    if ((hash & mask) === 0) return at + 2;
    hash = ((hash << 1) + gear[bytes[at + 2]!]!) | 0;
    if ((hash & mask) === 0) return at + 3;
    hash = ((hash << 1) + gear[bytes[at + 3]!]!) | 0;
    if ((hash & mask) === 0) return at + 4;
  }
  for (; at < end; at += 1) {
    hash = ((hash << 1) + gear[bytes[at]!]!) | 0;
    if ((hash & mask) === 0) return at + 1;
  }
  return 0;
}

function highBits(count: number): number {
  return -1 << (32 - count);
}
