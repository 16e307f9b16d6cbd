import { StoreError } from '../errors.ts';

/** How much may come out of something compressed. */
export interface ExpansionLimits {
  /** Bytes in all. */
  readonly maxBytes: number;
  /** Bytes for each byte of input, once there are more than {@link FREE_BYTES}. */
  readonly maxRatio: number;
}

/** So much may come out of any input: small inputs that hold many zeros are common. */
export const FREE_BYTES: number = 256 * 1024 * 1024;

/** Passes bytes on while they are within the limits, from a decoder that is fed by `counted`. */
export class Expansion {
  readonly #limits: ExpansionLimits;
  #taken = 0;
  #given = 0;

  constructor(limits: ExpansionLimits) {
    this.#limits = limits;
  }

  /** Bytes of input so far. */
  get bytesTaken(): number {
    return this.#taken;
  }

  /** The input, counted as it is asked for. */
  async *counted(
    source: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of source) {
      this.#taken += piece.length;
      yield piece;
    }
  }

  /**
   * The output, up to the limits.
   *
   * @throws StoreError `store/limit-exceeded`
   */
  async *bounded(
    decoded: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { maxBytes, maxRatio } = this.#limits;
    for await (const piece of decoded) {
      this.#given += piece.length;
      const limit = Math.min(
        maxBytes,
        Math.max(FREE_BYTES, this.#taken * maxRatio),
      );
      if (this.#given > limit) {
        throw new StoreError(
          'store/limit-exceeded',
          `${this.#taken} bytes become more than the ${limit} bytes that they may become`,
          { details: { limit, input: this.#taken } },
        );
      }
      yield piece;
    }
  }
}
