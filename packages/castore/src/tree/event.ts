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
  | {
      readonly type: 'regular';
      readonly executable: boolean;
      readonly size: bigint;
    }
  | { readonly type: 'data'; readonly bytes: Uint8Array }
  | { readonly type: 'symlink'; readonly target: Uint8Array }
  | { readonly type: 'end' };

/** Batches of events, as they become known. */
export type TreeEvents =
  Iterable<readonly TreeEvent[]> | AsyncIterable<readonly TreeEvent[]>;
