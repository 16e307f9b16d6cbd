import { createHash } from 'node:crypto';
import { countPassingBytes } from '@tvix/castore';
import { Expansion } from '../compression/bounded.ts';
import type { ExpansionLimits } from '../compression/bounded.ts';
import type { Compression } from '../compression/compression.ts';
import { decompress } from '../compression/decompress.ts';
import type { DecompressOptions } from '../compression/decompress.ts';
import { sniffGzip } from '../compression/sniff.ts';

/** How a file is to be unpacked. */
export interface UnpackOptions {
  /** `undefined` where the name doesn't tell: gzip or none then, which the first bytes tell apart. */
  readonly compression: Compression | undefined;
  readonly limits: ExpansionLimits;
}

/** What a file was. */
export interface FileOutcome {
  readonly compression: Compression;
  /** SHA-256: 32 bytes. */
  readonly fileSha256: Uint8Array;
  /** In bytes. */
  readonly fileSize: number;
}

/** What is in a file, as it comes out. */
export interface Contents {
  /**
   * To be read once. A piece may lie in memory that is used again once the next is asked for.
   *
   * @throws StoreError `store/corrupt-compression`, `store/limit-exceeded`; errors of the source unchanged
   */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Told with the first piece. */
  readonly compression: Compression | undefined;
  /** To be asked once all pieces were read. */
  outcome(): FileOutcome;
}

/** A file that is decompressed and hashed in the calling thread while it comes in. */
export class PackedFile implements Contents {
  readonly pieces: AsyncIterable<Uint8Array>;
  readonly #hash = createHash('sha256');
  readonly #expansion: Expansion;
  #compression: Compression | undefined;

  constructor(
    file: AsyncIterable<Uint8Array>,
    { compression, limits }: UnpackOptions,
    decompressing: DecompressOptions,
  ) {
    this.#compression = compression;
    this.#expansion = new Expansion(limits);
    this.pieces = this.#unpack(file, decompressing);
  }

  get compression(): Compression | undefined {
    return this.#compression;
  }

  outcome(): FileOutcome {
    return {
      compression: this.#compression!,
      fileSha256: new Uint8Array(this.#hash.digest()),
      fileSize: this.#expansion.bytesTaken,
    };
  }

  async *#unpack(
    file: AsyncIterable<Uint8Array>,
    decompressing: DecompressOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const expansion = this.#expansion;
    let packed: AsyncIterable<Uint8Array> = expansion.counted(
      this.#hashed(file),
    );
    if (this.#compression === undefined)
      [this.#compression, packed] = await sniffGzip(packed);
    yield* expansion.bounded(
      decompress(this.#compression, packed, decompressing),
    );
  }

  async *#hashed(
    file: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of file) {
      this.#hash.update(piece);
      yield piece;
      // Nobody needs it any more.
      countPassingBytes(piece.length);
    }
  }
}
