import type { B3Digest } from '../digest/b3-digest.ts';
import type { FileIdentity } from './known-files.ts';

/**
 * A tree, told as a stream: what every tree source (a disk, a NAR, a castore node) says and every tree sink takes.
 *
 * A tree is one node. `directory` opens a directory, `entry` names the next node in it, `end` closes it; entries come
 * in strictly ascending bytewise order of their names. `regular` announces a file of `size` bytes, which follow as
 * `data` in pieces of any length; nothing closes it. Events travel in batches, so that a tree of 55,000 entries
 * doesn't cost as many promises. The events of a NAR have the same shape.
 *
 * The bytes in events pass to the receiver: whoever emitted them doesn't change them afterwards, unless the source says
 * otherwise.
 */
export type TreeEvent =
  | { readonly type: 'directory' }
  | { readonly type: 'entry'; readonly name: Uint8Array }
  | RegularFile
  | { readonly type: 'data'; readonly bytes: Uint8Array }
  | { readonly type: 'symlink'; readonly target: Uint8Array }
  | { readonly type: 'end' };

/** The head of a file whose contents follow. */
export interface RegularFile {
  readonly type: 'regular';
  readonly executable: boolean;
  readonly size: bigint;
  /** What tells a file on disk from what it may become, where the source knows. */
  readonly identity?: FileIdentity | undefined;
}

/** A file whose contents are stored already: none follow. */
export interface StoredFile {
  readonly type: 'stored';
  readonly executable: boolean;
  readonly size: bigint;
  readonly digest: B3Digest;
}

/** What can be taken into a store that has some of the files. */
export type IngestEvent = TreeEvent | StoredFile;

/** Batches of events, as they become known. */
export type TreeEvents =
  Iterable<readonly TreeEvent[]> | AsyncIterable<readonly TreeEvent[]>;

/** Batches of such events. */
export type IngestEvents =
  Iterable<readonly IngestEvent[]> | AsyncIterable<readonly IngestEvent[]>;
