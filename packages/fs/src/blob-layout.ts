import type { B3Digest, ChunkMeta } from '@tvix/castore';
import { FsError } from './errors.ts';
import { BLOCK_BYTES } from './blob-source.ts';

/** A blob up to this length is read in one piece: as much as one chunk of a store holds. */
export const WHOLE_BYTES: number = 512 * 1024;

/** A piece of a blob, as the cache keeps it. */
export interface Segment {
  /** Names the bytes, wherever they occur. */
  readonly key: string;
  /** What to fetch whole; `undefined` for a part without a digest of its own. */
  readonly digest: B3Digest | undefined;
  readonly start: number;
  readonly length: number;
}

/** How a blob is cut into segments, one after the other without a gap. */
export interface BlobLayout {
  readonly count: number;
  /** The index of the segment that holds that byte, which must lie inside the blob. */
  indexOf(offset: number): number;
  segment(index: number): Segment;
}

/** A blob that is one segment. */
export function wholeLayout(digest: B3Digest, size: number): BlobLayout {
  const only: Segment = { key: digest.key, digest, start: 0, length: size };
  return { count: 1, indexOf: () => 0, segment: () => only };
}

/** A blob that is cut every {@link BLOCK_BYTES}. */
export function blockLayout(digest: B3Digest, size: number): BlobLayout {
  return {
    count: Math.ceil(size / BLOCK_BYTES),
    indexOf: (offset) => Math.floor(offset / BLOCK_BYTES),
    segment: (index) => ({
      key: `${digest.key}${index}`,
      digest: undefined,
      start: index * BLOCK_BYTES,
      length: Math.min(BLOCK_BYTES, size - index * BLOCK_BYTES),
    }),
  };
}

/**
 * A blob as the chunks that its store keeps.
 *
 * @throws FsError `EIO` when they don't add up to its size
 */
export function chunkLayout(
  chunks: readonly ChunkMeta[],
  size: number,
): BlobLayout {
  // Starts of all, and the end: a fence more than there are fields.
  const starts = new Float64Array(chunks.length + 1);
  for (let i = 0; i < chunks.length; i++)
    starts[i + 1] = starts[i]! + chunks[i]!.size;
  if (starts[chunks.length] !== size)
    throw new FsError(
      'EIO',
      `the chunks of a blob are ${starts[chunks.length]} bytes long, its node says ${size}`,
    );
  return {
    count: chunks.length,
    indexOf(offset) {
      let low = 0;
      let high = chunks.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >>> 1;
        if (starts[middle]! <= offset) low = middle;
        else high = middle - 1;
      }
      return low;
    },
    segment(index) {
      const { digest, size: length } = chunks[index]!;
      return { key: digest.key, digest, start: starts[index]!, length };
    },
  };
}
