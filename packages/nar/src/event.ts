/**
 * One step through a file tree in archive order, shared by the parser and the writer.
 *
 * A tree is one node: a `symlink`; a `regular` file followed by `data` events whose lengths add up to its size (none for
 * an empty file; nothing closes a file); or a `directory`, then for each child an `entry` followed by the child's node,
 * then `end`. Entries ascend bytewise by name.
 */
export type NarEvent =
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

/**
 * An event that was read from an archive: a `regular` file also says where its contents start, as a byte offset in the
 * uncompressed archive (the `narOffset` of a listing).
 */
export type ParsedNarEvent =
  | Exclude<NarEvent, { type: 'regular' }>
  | {
      readonly type: 'regular';
      readonly executable: boolean;
      readonly size: bigint;
      readonly offset: number;
    };
