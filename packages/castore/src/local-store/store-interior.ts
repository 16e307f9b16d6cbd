import type { CommitQueue } from './commit/commit-queue.ts';
import type { Zstd } from './compression/zstd.ts';
import type { FileSystem } from './file-system.ts';
import type { StoreIndex } from './index/store-index.ts';
import type { Reserve } from './open/reserve.ts';
import type { Pack, Packs } from './packs/packs.ts';
import type { Leases } from './usage/leases.ts';
import type { Touches } from './usage/touches.ts';

/** What the care of a store works on: counting, verifying and collecting, each a file of its own beside this one. */
export interface StoreInterior {
  readonly files: FileSystem;
  readonly index: StoreIndex;
  readonly packs: Packs;
  readonly zstd: Zstd;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Those who hold files of packs open beside the store itself: they let go of a pack that goes. */
  readonly readers: Set<{ forget(pack: Pack): void }>;
  /** What only a store that is open for writing has. */
  readonly writing: WritingInterior | undefined;
}

/** What changes a store beside puts. */
export interface WritingInterior {
  readonly queue: CommitQueue;
  readonly reserve: Reserve;
  readonly touches: Touches;
  readonly leases: Leases;
  /** Lets go of the file of a pack that is taken out of service. */
  readonly forgetPack: (pack: Pack) => void;
  /** Sets what is told of every use, and hides what it collects; `undefined` ends that. */
  readonly watch: (watcher: UseWatcher | undefined) => void;
}

/** Hears of every use of a record while a collection runs. */
export interface UseWatcher {
  /** A record was asked for, by whoever puts, reads or looks for it. Answers whether it is still there for them. */
  use(kind: number, key: Uint8Array, touchedMinutes: number): boolean;
}
