import type { NarCalculation } from './calculation.ts';

/**
 * Remembers calculations under the keys of their nodes (`calculationKey`). What is remembered holds for ever: a key
 * stands for one content.
 */
export interface NarCalculationCache {
  /** The calculation of a key; `undefined` where there is none. */
  get(key: Uint8Array): Promise<NarCalculation | undefined>;
  set(key: Uint8Array, calculation: NarCalculation): Promise<void>;
}

const DEFAULT_MAX_ENTRIES = 65_536;

/** Remembers as many of the latest calculations as it may hold. */
export class MemoryNarCalculationCache implements NarCalculationCache {
  readonly #maxEntries: number;
  readonly #calculations = new Map<string, NarCalculation>();

  constructor(maxEntries: number = DEFAULT_MAX_ENTRIES) {
    this.#maxEntries = maxEntries;
  }

  async get(key: Uint8Array): Promise<NarCalculation | undefined> {
    return this.#calculations.get(String.fromCharCode(...key));
  }

  async set(key: Uint8Array, calculation: NarCalculation): Promise<void> {
    this.#calculations.set(String.fromCharCode(...key), calculation);
    if (this.#calculations.size <= this.#maxEntries) return;
    // A map keeps the order of insertion: the first key is the oldest.
    for (const oldest of this.#calculations.keys()) {
      this.#calculations.delete(oldest);
      return;
    }
  }
}
