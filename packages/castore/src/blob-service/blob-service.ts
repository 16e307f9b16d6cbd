import type { B3Digest } from '../digest/b3-digest.ts';

/** What every call accepts. */
export interface CallOptions {
  /** Ends the call early: it rejects with the signal's reason, unchanged. */
  readonly signal?: AbortSignal;
}

/** What a backend can do beyond the contract; the conformance suite and callers read it. */
export interface BlobCapabilities {
  /** Whether large blobs are stored as chunks, so that `stat` names them and `openRead` serves them by digest. */
  readonly chunks: boolean;
  /** Whether reading a range in the middle costs no more than the bytes around it. */
  readonly ranges: boolean;
}

/** A part of a blob, in its place. */
export interface ChunkMeta {
  /** The digest of the part by itself. */
  readonly digest: B3Digest;
  /** Its length in bytes. */
  readonly size: number;
}

/** What is known of a blob that exists. */
export interface BlobStat {
  /** The length in bytes; `undefined` where a remote doesn't tell. */
  readonly size: number | undefined;
  /** The chunks in order, where asked for and known: their sizes sum to `size`. Empty otherwise. */
  readonly chunks: readonly ChunkMeta[];
}

/** Options of `stat`. */
export interface StatOptions extends CallOptions {
  /** Asks for the list of chunks. */
  readonly sendChunks?: boolean;
}

/** Options of `getMany`. */
export interface GetManyOptions extends CallOptions {
  /** The bytes that the blobs may have together. 64 MiB where left out. */
  readonly maxBytes?: number;
}

/** A part of a blob, in bytes. What reaches beyond the end is cut off. */
export interface ByteRange {
  readonly offset: number;
  /** To the end where left out. */
  readonly length?: number;
}

/** A place in a blob whose length is known: as directories and lists of chunks tell it. */
export interface BlobPlace {
  /** The length of the whole, in bytes. */
  readonly size: number;
  readonly offset: number;
}

/** An open blob. Reads may run side by side; each has a position of its own. */
export interface BlobReader extends AsyncDisposable {
  /** The length in bytes; `undefined` where a remote doesn't tell. */
  readonly size: number | undefined;

  /**
   * The contents, or a range of them, verified against the digest before they leave the layer that fetched them. Of a
   * remote, a range is verified against the chunks that it names, and a blob without chunks when its last bytes come.
   * Chunks belong to the caller and aren't reused. A range that starts at or beyond the end is empty.
   * Ending the iteration early frees what it holds.
   *
   * @throws CastoreError `castore/corrupt-blob`, `castore/io`, `castore/unavailable`, `castore/closed`
   */
  read(range?: ByteRange, options?: CallOptions): AsyncIterable<Uint8Array>;

  /** Frees what the reader holds; a second call does nothing. */
  close(): Promise<void>;
}

/** Takes the contents of one blob in pieces. Nothing is visible before `close` answers. */
export interface BlobWriter {
  /**
   * Adds bytes. Resolves when more is welcome; the bytes aren't kept after that. Calls must not overlap. An empty
   * chunk is nothing, and never the end.
   *
   * @throws CastoreError `castore/closed` after `close` or `abort`
   */
  write(chunk: Uint8Array): Promise<void>;

  /**
   * Ends the blob and answers with its digest once it is stored as durably as the backend can. Without a write before
   * it, that is the empty blob. A second call answers the same digest; after a failure, it fails again.
   *
   * @throws CastoreError `castore/io`, `castore/no-space`, `castore/unavailable`, `castore/closed` after `abort`
   */
  close(): Promise<B3Digest>;

  /** Gives the blob up: nothing of it stays visible. Does nothing after `close`. */
  abort(reason?: unknown): Promise<void>;
}

/** Blobs on their way to places in memory that threads share, see {@link BlobService.openFiller}. */
export interface BlobFiller {
  /**
   * Takes a blob on, or a chunk of one, that is just as long as `into`. False where none of that length lies here in one
   * piece, or `into` isn't a view of a SharedArrayBuffer: ask in another way then. Nobody may look at `into` before
   * {@link fill} settled, or put it to another use, even where nobody wants it any more.
   *
   * @throws CastoreError `castore/corrupt-store`, `castore/io`, `castore/closed`
   */
  add(digest: B3Digest, into: Uint8Array): boolean;

  /**
   * Resolves once all that were taken on since the last call are in their places, verified.
   *
   * @throws CastoreError `castore/corrupt-blob`, `castore/blob-not-found`, `castore/io`, `castore/closed`
   */
  fill(): Promise<void>;
}

/**
 * Blobs, addressed by the BLAKE3 of their contents.
 *
 * Absence is `undefined` or `false`; only failure throws. All methods may be called concurrently, and two writers of
 * one content at once are fine. There is no well-known empty blob: it exists once it was put.
 */
export interface BlobService {
  readonly capabilities: BlobCapabilities;

  /** Whether the blob is stored. */
  has(digest: B3Digest, options?: CallOptions): Promise<boolean>;

  /** Its length and chunks; `undefined` where it isn't stored. */
  stat(digest: B3Digest, options?: StatOptions): Promise<BlobStat | undefined>;

  /** Opens a blob, or a chunk of one; `undefined` where it isn't stored. Whoever opens, closes. */
  openRead(
    digest: B3Digest,
    options?: CallOptions,
  ): Promise<BlobReader | undefined>;

  /** Starts a blob. Whoever starts one closes or aborts it, also where something failed. */
  openWrite(options?: CallOptions): BlobWriter;

  /**
   * Stores many blobs that are at hand whole, in one commit where the backend can; meant for blobs up to some hundred
   * KiB and batches of a few MiB. The digests come in the order of the blobs. The bytes aren't kept.
   */
  putMany(
    blobs: readonly Uint8Array[],
    options?: CallOptions,
  ): Promise<readonly B3Digest[]>;

  /**
   * Fetches many blobs whole, in the order of the digests, `undefined` for each that isn't stored. Ask for what directories
   * say is small, and say how much that is: what was said need not be so.
   *
   * @throws CastoreError `castore/limit-exceeded` where they have more bytes than that, without memory for them
   */
  getMany(
    digests: readonly B3Digest[],
    options?: GetManyOptions,
  ): Promise<readonly (Uint8Array | undefined)[]>;

  /**
   * Fills `into` with the part of a blob, or of a chunk of one, that begins at a place, before it returns: for those who
   * answer a kernel, and read small parts of large contents. False where no blob of that size lies here in one piece, more
   * than the part would have to be decoded for it, or the part reaches beyond its end: ask in another way then. Left out
   * by backends that have nothing at hand.
   *
   * The whole is verified when a part of it is first read; after that, parts may be read from where it lies.
   *
   * @throws CastoreError `castore/corrupt-blob`, `castore/io`, `castore/closed`
   */
  readPart?(digest: B3Digest, place: BlobPlace, into: Uint8Array): boolean;

  /**
   * Fills `into` with a blob, or a chunk of one, that is just as long, before it returns: for those who know where its
   * bytes belong. Verified each time. False where no blob of that length lies here in one piece: ask in another way then.
   * Left out by backends that have nothing at hand.
   *
   * @throws CastoreError `castore/corrupt-blob`, `castore/io`, `castore/closed`; what is in `into` then is nothing
   */
  readWhole?(digest: B3Digest, into: Uint8Array): boolean;

  /**
   * Starts reading blobs to their places as {@link readWhole} does, but many at a time and beside what the caller does
   * meanwhile. `undefined` where that can't be done; left out by backends that never can.
   */
  openFiller?(): BlobFiller | undefined;

  /** Those of the digests that aren't stored, each once, in their order. */
  findMissing(
    digests: readonly B3Digest[],
    options?: CallOptions,
  ): Promise<readonly B3Digest[]>;
}
