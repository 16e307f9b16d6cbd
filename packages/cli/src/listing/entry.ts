/** One element of a listing. */
export type ListedNode =
  | { readonly type: 'directory' }
  | {
      readonly type: 'regular';
      readonly executable: boolean;
      readonly size: bigint;
      /** Where the contents start in an archive, in bytes. */
      readonly offset?: number;
    }
  | { readonly type: 'symlink'; readonly target: Uint8Array };

/**
 * What a listing is made of: the events of a tree without contents. `entry` names the next node of the directory that was
 * opened last; `end` closes that.
 */
export type ListingEvent =
  | ListedNode
  | { readonly type: 'entry'; readonly name: Uint8Array }
  | { readonly type: 'end' };

/** A listing in pieces, depth first. */
export type ListingEvents = AsyncIterable<readonly ListingEvent[]>;
