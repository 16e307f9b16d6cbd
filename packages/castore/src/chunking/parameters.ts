/** How large blobs are cut. Recorded for each store: other parameters cut elsewhere, and find fewer duplicates. */
export interface ChunkingParameters {
  /** The algorithm, the gear table and the masks belong to the name. */
  readonly algorithm: 'fastcdc-2020';
  /** No chunk is shorter, but the last. */
  readonly minBytes: number;
  /** What chunks tend to; a power of two. */
  readonly averageBytes: number;
  /** No chunk is longer. A blob up to this length isn't cut at all. */
  readonly maxBytes: number;
}

/** The ratio of the reference's successor (half, one, two) around 256 KiB. */
export const DEFAULT_CHUNKING: ChunkingParameters = {
  algorithm: 'fastcdc-2020',
  minBytes: 128 * 1024,
  averageBytes: 256 * 1024,
  maxBytes: 512 * 1024,
};

/** No record is larger than this; keeps what one chunk takes in memory bounded. */
const MAX_CHUNK_BYTES = 16 * 1024 * 1024;

/** Whether a value from a file can be used. */
export function isChunkingParameters(
  value: unknown,
): value is ChunkingParameters {
  if (typeof value !== 'object' || value === null) return false;
  const { algorithm, minBytes, averageBytes, maxBytes } =
    value as ChunkingParameters;
  return (
    algorithm === 'fastcdc-2020' &&
    [minBytes, averageBytes, maxBytes].every(Number.isSafeInteger) &&
    minBytes >= 64 &&
    minBytes <= averageBytes &&
    averageBytes <= maxBytes &&
    averageBytes >= 256 &&
    Number.isInteger(Math.log2(averageBytes)) &&
    maxBytes <= MAX_CHUNK_BYTES
  );
}
