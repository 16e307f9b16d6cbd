import type { LocalStore, Table } from '@tvix/castore';
import { SHA256_BYTES } from '../path-info/lengths.ts';
import type { NarCalculationCache } from './calculation-cache.ts';
import type { NarCalculation } from './calculation.ts';

/** The table that calculations are kept in. */
export const CALCULATION_TABLE = 'nar-calculation';

const SIZE_BYTES = 8;

/**
 * Remembers calculations in a local store, in a table of its own, as 40 bytes: the size, big-endian, and the SHA-256. A
 * value of another length counts as none and is replaced. Whoever opened the store closes it.
 */
export class LocalNarCalculationCache implements NarCalculationCache {
  readonly #table: Table;

  constructor(store: Pick<LocalStore, 'table'>) {
    this.#table = store.table(CALCULATION_TABLE);
  }

  async get(key: Uint8Array): Promise<NarCalculation | undefined> {
    const value = this.#table.get(key);
    if (value?.length !== SIZE_BYTES + SHA256_BYTES) return undefined;
    const view = new DataView(value.buffer, value.byteOffset, SIZE_BYTES);
    return {
      narSize: view.getBigUint64(0),
      narSha256: value.slice(SIZE_BYTES),
    };
  }

  async set(key: Uint8Array, calculation: NarCalculation): Promise<void> {
    const value = new Uint8Array(SIZE_BYTES + SHA256_BYTES);
    new DataView(value.buffer).setBigUint64(0, calculation.narSize);
    value.set(calculation.narSha256, SIZE_BYTES);
    await this.#table.put(key, value);
  }
}
