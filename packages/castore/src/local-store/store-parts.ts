import type { Zstd } from './compression/zstd.ts';
import type { FileSystem } from './file-system.ts';
import type { StoreIndex } from './index/store-index.ts';
import type { StoreLock } from './open/lock.ts';
import type { Reserve } from './open/reserve.ts';
import type { StoreFormat } from './open/store-format.ts';
import type { PackWriter } from './packs/pack-writer.ts';
import type { Packs } from './packs/packs.ts';
import type { ReceiptIndex } from './receipts/receipt-index.ts';
import type { StoreThreads } from './threads/store-threads.ts';

/** What only a store that is open for writing has. */
export interface WritingParts {
  readonly lock: StoreLock;
  readonly reserve: Reserve;
  readonly writer: PackWriter | undefined;
  /** The index, with what is known of losses. */
  readonly receipts: ReceiptIndex;
  readonly packTargetBytes: number;
  readonly inFlightBytes: number;
}

/** What a store is put together from. */
export interface StoreParts {
  readonly directory: string;
  readonly format: StoreFormat;
  readonly files: FileSystem;
  readonly index: StoreIndex;
  readonly packs: Packs;
  /** For reading alone: the packs as the index names them now, after another process wrote. */
  readonly reloadPacks?: () => Packs;
  readonly zstd: Zstd;
  /** Zstandard's level, see `Compressor`. */
  readonly compressionLevel: number;
  readonly threads: StoreThreads;
  readonly writing: WritingParts | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}
