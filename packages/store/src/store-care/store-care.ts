import type { CallOptions, RepairResult } from '@tvix/castore';
import type { StorePath } from '@tvix/nar';
import type {
  CollectStoreOptions,
  CollectStoreResult,
} from '../local-care/collect.ts';
import type {
  DeletedPaths,
  DeletePathsOptions,
} from '../local-care/delete-paths.ts';
import type { Pin } from '../local-care/pins.ts';
import type { StoreStats } from '../local-care/stats.ts';
import type {
  VerifyStoreOptions,
  VerifyStoreResult,
} from '../local-care/verify.ts';

/** What a repair found and did. */
export type RepairStoreResult = VerifyStoreResult & RepairResult;

/**
 * The care of a store: what it keeps, what is removed, and whether it is sound. Here or behind a daemon, the same; who may
 * call it is decided where it is offered.
 *
 * All methods may be called while others read and write the store. One collection or repair runs at a time. A signal ends
 * what runs soon, with its reason; what was done until then stands, and the next call goes on.
 *
 * From a daemon that offers none of it all methods throw StoreError `store/no-admin`, and what its client throws otherwise
 * (CastoreError `castore/unavailable`, `castore/remote-refused` and others).
 */
export interface StoreCare {
  /**
   * Counts what the store holds.
   *
   * @throws CastoreError `castore/corrupt-store`, `castore/io`, `castore/directory-not-found` where a tree isn't complete
   */
  stats(options?: CallOptions): Promise<StoreStats>;

  /**
   * Forgets the paths that the rules select, then removes what neither a path nor a pin leads to and nobody used within
   * the grace.
   *
   * @throws CastoreError `castore/collection-running`, `castore/corrupt-store` where damage hides what is kept,
   *   `castore/no-space`
   */
  collect(options?: CollectStoreOptions): Promise<CollectStoreResult>;

  /** Reads everything and tells what is damaged. Nothing is changed. */
  verify(options?: VerifyStoreOptions): Promise<VerifyStoreResult>;

  /**
   * Verifies, and moves packs with damage to the quarantine once what is sound in them is stored anew. Nothing is deleted.
   *
   * @throws CastoreError `castore/collection-running`, `castore/no-space`
   */
  repair(options?: VerifyStoreOptions): Promise<RepairStoreResult>;

  /**
   * Forgets paths, all of them or none, with what is kept beside them. What they lead to is garbage from then on.
   *
   * @throws StoreError `store/path-in-use` where a path that stays refers to one of them, or a pin keeps one
   */
  deletePaths(
    storePaths: readonly StorePath[],
    options?: DeletePathsOptions,
  ): Promise<DeletedPaths>;

  /**
   * Pins something under a name, in place of what that name pinned before.
   *
   * @throws StoreError `store/invalid-pin`, `store/nothing-to-pin` where the store hasn't got it, or not all of its tree
   */
  addPin(pin: Pin, options?: CallOptions): Promise<void>;

  /** Removes a pin. Answers whether there was one. */
  removePin(name: string, options?: CallOptions): Promise<boolean>;

  /** All pins, in bytewise order of their names. */
  listPins(options?: CallOptions): AsyncIterable<Pin>;
}
