/** The LZMA coder, shared by lzip and, in chunks, by xz (LZMA specification of the LZMA SDK). */
import { corrupt } from './corrupt.ts';
import type { LzmaDictionary } from './lzma-dictionary.ts';
import { freshProbabilities } from './range-decoder.ts';
import type { RangeDecoder } from './range-decoder.ts';

/** How many bits of context literals and positions have. */
export interface LzmaProperties {
  readonly literalContextBits: number;
  readonly literalPositionBits: number;
  readonly positionBits: number;
}

const STATES = 12;
const POSITION_STATES = 16;
const LITERAL_CODER = 0x300;
const FIRST_MATCH_STATE = 7;
const MIN_MATCH = 2;
const END_MARKER = 0xffffffff;
const ALIGN_BITS = 4;
const END_POSITION_MODEL = 14;

/** No symbol takes more bytes of input. */
export const MAX_SYMBOL_BYTES = 32;

/** Decodes symbols into a dictionary. */
export class LzmaDecoder {
  readonly #dictionary: LzmaDictionary;
  readonly #coder: RangeDecoder;
  #properties!: LzmaProperties;
  #state = 0;
  #distances: [number, number, number, number] = [0, 0, 0, 0];
  #literal!: Uint16Array;
  #isMatch!: Uint16Array;
  #isRep!: Uint16Array;
  #isRep0!: Uint16Array;
  #isRep1!: Uint16Array;
  #isRep2!: Uint16Array;
  #isRep0Long!: Uint16Array;
  #slots!: Uint16Array;
  #special!: Uint16Array;
  #align!: Uint16Array;
  #matchLength!: LengthDecoder;
  #repLength!: LengthDecoder;

  constructor(
    dictionary: LzmaDictionary,
    coder: RangeDecoder,
    properties: LzmaProperties,
  ) {
    this.#dictionary = dictionary;
    this.#coder = coder;
    this.reset(properties);
  }

  /** Starts anew, with other properties where given. */
  reset(properties: LzmaProperties = this.#properties): void {
    const { literalContextBits, literalPositionBits } = properties;
    this.#properties = properties;
    this.#state = 0;
    this.#distances = [0, 0, 0, 0];
    this.#literal = freshProbabilities(
      LITERAL_CODER << (literalContextBits + literalPositionBits),
    );
    this.#isMatch = freshProbabilities(STATES * POSITION_STATES);
    this.#isRep = freshProbabilities(STATES);
    this.#isRep0 = freshProbabilities(STATES);
    this.#isRep1 = freshProbabilities(STATES);
    this.#isRep2 = freshProbabilities(STATES);
    this.#isRep0Long = freshProbabilities(STATES * POSITION_STATES);
    this.#slots = freshProbabilities(4 * 64);
    this.#special = freshProbabilities(128);
    this.#align = freshProbabilities(1 << ALIGN_BITS);
    this.#matchLength = new LengthDecoder();
    this.#repLength = new LengthDecoder();
  }

  /**
   * Decodes one symbol; answers whether it was the end marker.
   *
   * @throws StoreError `store/corrupt-compression`
   */
  step(): boolean {
    const coder = this.#coder;
    const dictionary = this.#dictionary;
    const state = this.#state;
    const positionState =
      dictionary.total & ((1 << this.#properties.positionBits) - 1);
    const stateAndPosition = state * POSITION_STATES + positionState;
    if (coder.bit(this.#isMatch, stateAndPosition) === 0) {
      this.#putLiteral();
      return false;
    }
    const distances = this.#distances;
    let length: number;
    if (coder.bit(this.#isRep, state) === 0) {
      length = this.#matchLength.decode(coder, positionState);
      distances[3] = distances[2];
      distances[2] = distances[1];
      distances[1] = distances[0];
      distances[0] = this.#distance(length);
      this.#state = state < FIRST_MATCH_STATE ? 7 : 10;
      if (distances[0] === END_MARKER) return true;
    } else if (coder.bit(this.#isRep0, state) === 0) {
      if (coder.bit(this.#isRep0Long, stateAndPosition) === 0) {
        this.#state = state < FIRST_MATCH_STATE ? 9 : 11;
        dictionary.copy(distances[0], 1);
        return false;
      }
      length = this.#repeatedLength(positionState);
    } else {
      this.#chooseDistance(state);
      length = this.#repeatedLength(positionState);
    }
    dictionary.copy(distances[0], length + MIN_MATCH);
    return false;
  }

  #repeatedLength(positionState: number): number {
    const state = this.#state;
    this.#state = state < FIRST_MATCH_STATE ? 8 : 11;
    return this.#repLength.decode(this.#coder, positionState);
  }

  /** Moves one of the older distances to the front. */
  #chooseDistance(state: number): void {
    const coder = this.#coder;
    const distances = this.#distances;
    let chosen = distances[1];
    if (coder.bit(this.#isRep1, state) === 1) {
      if (coder.bit(this.#isRep2, state) === 0) {
        chosen = distances[2];
      } else {
        chosen = distances[3];
        distances[3] = distances[2];
      }
      distances[2] = distances[1];
    }
    distances[1] = distances[0];
    distances[0] = chosen;
  }

  #putLiteral(): void {
    const coder = this.#coder;
    const dictionary = this.#dictionary;
    const { literalContextBits, literalPositionBits } = this.#properties;
    const position = dictionary.total & ((1 << literalPositionBits) - 1);
    const context = dictionary.byteAt(0) >> (8 - literalContextBits);
    const start = LITERAL_CODER * ((position << literalContextBits) + context);
    const literal = this.#literal;
    let symbol = 1;
    if (this.#state >= FIRST_MATCH_STATE) {
      let matched = dictionary.byteAt(this.#distances[0]);
      do {
        const matchBit = (matched >> 7) & 1;
        matched <<= 1;
        const bit = coder.bit(literal, start + ((1 + matchBit) << 8) + symbol);
        symbol = (symbol << 1) | bit;
        if (matchBit !== bit) break;
      } while (symbol < 0x100);
    }
    while (symbol < 0x100)
      symbol = (symbol << 1) | coder.bit(literal, start + symbol);
    dictionary.put(symbol & 0xff);
    const state = this.#state;
    this.#state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
  }

  #distance(length: number): number {
    const coder = this.#coder;
    const slot = coder.tree(this.#slots, Math.min(length, 3) * 64, 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = ((2 | (slot & 1)) << bits) >>> 0;
    if (slot < END_POSITION_MODEL) {
      return base + coder.reverseTree(this.#special, base - slot, bits);
    }
    const high = coder.directBits(bits - ALIGN_BITS);
    return (
      (base +
        high * (1 << ALIGN_BITS) +
        coder.reverseTree(this.#align, 0, ALIGN_BITS)) >>>
      0
    );
  }
}

/** Lengths of matches, less the shortest. */
class LengthDecoder {
  readonly #choice = freshProbabilities(2);
  readonly #low = freshProbabilities(POSITION_STATES * 8);
  readonly #middle = freshProbabilities(POSITION_STATES * 8);
  readonly #high = freshProbabilities(256);

  decode(coder: RangeDecoder, positionState: number): number {
    if (coder.bit(this.#choice, 0) === 0)
      return coder.tree(this.#low, positionState * 8, 3);
    if (coder.bit(this.#choice, 1) === 0)
      return 8 + coder.tree(this.#middle, positionState * 8, 3);
    return 16 + coder.tree(this.#high, 0, 8);
  }
}

/**
 * Reads the byte that packs the properties.
 *
 * @throws StoreError `store/corrupt-compression`
 */
export function readProperties(byte: number): LzmaProperties {
  if (byte >= 9 * 5 * 5) throw corrupt('impossible properties');
  const rest = Math.floor(byte / 9);
  return {
    literalContextBits: byte % 9,
    literalPositionBits: rest % 5,
    positionBits: Math.floor(rest / 5),
  };
}
