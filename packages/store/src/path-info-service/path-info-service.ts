import type { CallOptions } from '@tvix/castore';
import type { PathInfo } from '../path-info/path-info.ts';

/** What a backend can do; the conformance suite and callers read it. */
export interface PathInfoCapabilities {
  /** Whether `put` stores. Where it doesn't, it always fails. */
  readonly put: boolean;
  /** Whether `list` tells what is there. Where it doesn't, it always fails. */
  readonly list: boolean;
  /** Whether `delete` forgets. Where it doesn't, it always fails. */
  readonly delete: boolean;
}

/**
 * Path infos, addressed by output hash: the commit point of a store, since a path exists once its path info does.
 *
 * Absence is `undefined`; only failure throws. All methods may be called concurrently. What comes out is valid. Whether
 * the blobs and directories that a path info leads to exist is nobody's business here: store them first.
 */
export interface PathInfoService {
  readonly capabilities: PathInfoCapabilities;

  /**
   * The path info of an output hash of 20 bytes; `undefined` where there is none.
   *
   * @throws StoreError `store/invalid-output-hash-length`, `store/corrupt-path-info`; CastoreError `castore/io`,
   *   `castore/unavailable`
   */
  get(
    outputHash: Uint8Array,
    options?: CallOptions,
  ): Promise<PathInfo | undefined>;

  /**
   * As `get`, from a backend of this process that has nothing to wait for; others lack it. For the same stored bytes it
   * mostly answers with the same object.
   */
  getNow?(outputHash: Uint8Array): PathInfo | undefined;

  /**
   * Stores a path info under the output hash of its store path, in place of an older one, as durably as the backend
   * can. Answers with what was stored, which may carry more signatures than what was given.
   */
  put(pathInfo: PathInfo, options?: CallOptions): Promise<PathInfo>;

  /**
   * Every path info, as they are read: in ascending order of their output hashes from a backend of this process, in an
   * order that stays the same while nothing changes from any. What is put while the listing runs may show up or not.
   */
  list(options?: CallOptions): AsyncIterable<PathInfo>;

  /**
   * Forgets the path infos of output hashes, all of them or none, as durably as `put` stores. Those that aren't there
   * are passed over. What they lead to stays until garbage is collected; whether others refer to them isn't looked at.
   *
   * @throws StoreError `store/invalid-output-hash-length`, `store/unsupported`
   */
  delete(
    outputHashes: readonly Uint8Array[],
    options?: CallOptions,
  ): Promise<void>;
}
