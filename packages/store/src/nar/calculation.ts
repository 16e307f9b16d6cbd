import type { CallOptions, Node } from '@tvix/castore';

/** What identifies a NAR. */
export interface NarCalculation {
  /** The size in bytes. Unsigned, 64 bits. */
  readonly narSize: bigint;
  /** The SHA-256: 32 bytes. */
  readonly narSha256: Uint8Array;
}

/** Tells the size and the SHA-256 of the NAR of any castore node. */
export interface NarCalculationService {
  /**
   * May be called concurrently.
   *
   * @throws CastoreError `castore/blob-not-found`, `castore/directory-not-found`, `castore/wrong-size`; StoreError
   *   `store/no-nar-form` where names, targets or the depth exceed what a NAR can hold, `store/limit-exceeded` where the
   *   tree has more entries than anybody's
   */
  calculateNar(node: Node, options?: CallOptions): Promise<NarCalculation>;
  /** Takes in what was calculated elsewhere, if it remembers at all. Fails nobody. */
  learn?(node: Node, calculation: NarCalculation): Promise<void>;
}
