import type { CallOptions } from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import type { Directory } from '../node/directory.ts';

/** What a backend can do beyond the contract. */
export interface DirectoryCapabilities {
  /**
   * Whether `putMultipleStart` insists that each child came earlier through the same putter, with the size that its
   * parent claims. Over gRPC it always does; a backend in this process takes what it is given.
   */
  readonly ordered: boolean;
}

/**
 * Directories, addressed by the BLAKE3 of their canonical encoding.
 *
 * Whatever comes out was checked against its digest. Absence is `undefined`; only failure throws.
 */
export interface DirectoryService {
  readonly capabilities: DirectoryCapabilities;

  /**
   * The directory; `undefined` where it isn't stored.
   *
   * @throws CastoreError `castore/corrupt-directory`, `castore/io`, `castore/unavailable`
   */
  get(digest: B3Digest, options?: CallOptions): Promise<Directory | undefined>;

  /**
   * The directory and all below it, breadth first: a directory comes after one that refers to it, each digest once.
   * Ends at the first problem.
   *
   * @throws CastoreError `castore/directory-not-found` where it or one below isn't stored; as `get` otherwise
   */
  getRecursive(
    digest: B3Digest,
    options?: CallOptions,
  ): AsyncIterable<Directory>;

  /**
   * Stores one directory and answers with its digest. Over gRPC only a directory without child directories can be
   * put by itself.
   */
  put(directory: Directory, options?: CallOptions): Promise<B3Digest>;

  /** Starts to put the directories of a tree. */
  putMultipleStart(options?: CallOptions): DirectoryPutter;
}

/**
 * Takes the directories of a tree, leaves first. Whoever puts into one closes or aborts it, also where something failed; one
 * that is never used needn't be.
 */
export interface DirectoryPutter {
  /** Whether no more can be put: it was closed, or the other side ended the stream. */
  readonly isClosed: boolean;

  /**
   * Adds a directory; all its children must have been added before. Resolves when more is welcome. A failure may
   * show only at a later `put` or at `close`. After one, nothing more is stored, and `close` fails.
   *
   * @throws CastoreError `castore/child-not-sent`, `castore/wrong-child-size`, `castore/closed`
   */
  put(directory: Directory): Promise<void>;

  /**
   * Answers with the digest of the last directory once all are stored as durably as the backend can.
   *
   * @throws CastoreError `castore/nothing-put`, `castore/closed` at a second call
   */
  close(): Promise<B3Digest>;

  /** Gives up. Directories that were accepted before may stay stored. */
  abort(reason?: unknown): Promise<void>;
}
