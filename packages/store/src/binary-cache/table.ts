/** A durable map from bytes to bytes, as a local store's tables are. Values aren't changed by anybody. */
export interface CacheTable {
  get(
    key: Uint8Array,
  ): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** Resolves when the value is durable. */
  put(key: Uint8Array, value: Uint8Array): Promise<void>;
}

/** What a binary cache keeps beside path infos, blobs and directories. */
export interface CacheTables {
  /** Files uploaded under `nar/`, by the SHA-256 in their name (`uploaded-nar.ts`). */
  readonly nars: CacheTable;
  /** Build logs by the basename of their derivation, gzipped. */
  readonly logs: CacheTable;
  /** Realisations by their path in the cache. */
  readonly realisations: CacheTable;
  /** Where debug information lies, by build id. */
  readonly debugInfo: CacheTable;
}

/** Keeps values in memory, for tests and throw-away daemons. */
export class MemoryCacheTable implements CacheTable {
  readonly #values = new Map<string, Uint8Array>();

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#values.get(Buffer.from(key).toString('latin1'));
  }

  async put(key: Uint8Array, value: Uint8Array): Promise<void> {
    this.#values.set(Buffer.from(key).toString('latin1'), value.slice());
  }
}
