/** Keeps what was evicted from memory somewhere cheaper than fetching it again. */
export interface Spill {
  /** Keeps a copy, if there is room and nothing fails. */
  put(key: string, bytes: Uint8Array): void;

  /** A part of what is kept under that key, into memory of its own; `undefined` where it's gone or was never there. */
  get(key: string, offset: number, length: number): Uint8Array | undefined;

  /** Frees everything. */
  close(): void;
}
