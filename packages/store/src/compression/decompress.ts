import { unbzip2 } from './bzip2.ts';
import type { Compression } from './compression.ts';
import { unlz4 } from './lz4.ts';
import { unlzip } from './lzip.ts';
import { unxz } from './xz.ts';
import { gunzip, unbrotli } from './zlib.ts';
import { unzstd } from './zstd.ts';

/** Settings of {@link decompress}. */
export interface DecompressOptions {
  /** Whether a piece may lie in memory that is used again once the next is asked for. */
  readonly reusesMemory?: boolean;
  /**
   * Where the next piece may be laid; a decoder that can't be told lays it elsewhere. Called before each piece, for memory
   * of at least a byte.
   */
  readonly memory?: () => Uint8Array;
}

/**
 * Undoes a compression while the data comes in. Memory is bounded by the format's window, at most 128 MiB; how much comes
 * out in all is for the caller to bound, who gets it in pieces.
 *
 * @throws StoreError `store/corrupt-compression`, `store/limit-exceeded` where the data asks for a larger window; errors
 *   of the source unchanged
 */
export function decompress(
  compression: Compression,
  source: AsyncIterable<Uint8Array>,
  { reusesMemory = false, memory }: DecompressOptions = {},
): AsyncIterable<Uint8Array> {
  switch (compression) {
    case 'none':
      return source;
    case 'gzip':
      return gunzip(source);
    case 'br':
      return unbrotli(source);
    case 'zstd':
      return reusesMemory || memory !== undefined
        ? unzstd(source, memory)
        : copies(unzstd(source));
    case 'xz':
      return unxz(source);
    case 'lzip':
      return unlzip(source);
    case 'bzip2':
      return unbzip2(source);
    case 'lz4':
      return unlz4(source);
  }
}

async function* copies(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of pieces) yield new Uint8Array(piece);
}
