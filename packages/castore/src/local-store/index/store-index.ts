/** One change of a commit: a value to set, or `undefined` to remove the key. */
export interface IndexWrite {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** Which keys a range takes, in bytewise order. */
export interface IndexRange {
  /** The first key that may be in it. */
  readonly start: Uint8Array;
  /** The first key after it. */
  readonly end: Uint8Array;
  /** As many as there are where left out. */
  readonly limit?: number;
}

/** How a commit is made. */
export interface IndexCommitOptions {
  /** Refused with ENOSPC, before anything is written, where the disk may have no room for it. Others are tried always. */
  readonly needsRoom?: boolean;
}

/**
 * The ordered map from keys to places in packs. It holds nothing that the packs don't hold: a lost one is rebuilt.
 */
export interface StoreIndex {
  /**
   * Another with each commit: as long as it is the same, `get` answers what it answered. `undefined` where that can't be
   * told: while a commit is under way, and where another process may write.
   */
  readonly generation: number | undefined;

  /** The value, the caller's to keep; `undefined` where the key has none. */
  get(key: Uint8Array): Buffer | undefined;

  /** Keys and values in order, a snapshot that the caller may keep. */
  range(range: IndexRange): (readonly [key: Buffer, value: Buffer])[];

  /** How many keys it says to hold: where that isn't as many as there are, it is damaged. */
  count(): number;

  /**
   * For walks over all of it: from now on, the memory that reads take is given back time and again, so that the whole
   * index doesn't come to stay; each of them takes a little longer. Ended by calling the answer, once.
   */
  readSparingly(): () => void;

  /**
   * Applies all writes or none, durably before it resolves, and visibly to `get` from then on. One call at a time.
   */
  commit(
    writes: readonly IndexWrite[],
    options?: IndexCommitOptions,
  ): Promise<void>;

  close(): Promise<void>;
}

/** First byte of every key: what the rest of it means. Records use their kind. */
export const IndexSpace = {
  packs: 0,
  chunk: 1,
  recipe: 2,
  directory: 3,
  tables: 4,
  sequence: 5,
  scrub: 6,
  receipts: 7,
} as const;

/** The index key of a record that is looked up by kind and key. */
export function recordIndexKey(kind: number, key: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(1 + key.length);
  bytes[0] = kind;
  bytes.set(key, 1);
  return bytes;
}
