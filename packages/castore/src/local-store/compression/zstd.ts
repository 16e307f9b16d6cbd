/**
 * The one seam to Zstandard: compresses and decompresses whole inputs. Each implementation reads the others' frames.
 */
export interface Zstd {
  /** Writes a frame to the front of `target`; answers with its length, `undefined` where it doesn't fit. */
  compress(
    bytes: Uint8Array,
    level: number,
    target: Uint8Array,
  ): number | undefined;
  /**
   * Fills `target` with what a frame holds.
   *
   * @throws Error where the frame is damaged or doesn't hold just as many bytes
   */
  decompress(frame: Uint8Array, target: Uint8Array): void;
}
