import { createHash } from 'node:crypto';
import { PackedFile } from './packed-file.ts';
import type { Contents, FileOutcome, UnpackOptions } from './packed-file.ts';

/** What a file turned out to be. */
export interface Unpacked extends FileOutcome {
  /** The SHA-256 of what came out of it: 32 bytes. */
  readonly narSha256: Uint8Array;
  /** Bytes that came out of it. Unsigned, 64 bits. */
  readonly narSize: bigint;
}

/** A file that is being unpacked while it comes in. */
export interface Unpacking {
  /**
   * The NAR in the file, to be read once. A piece may lie in memory that is used again once the next is asked for.
   *
   * @throws StoreError `store/corrupt-compression`, `store/limit-exceeded`; errors of the source unchanged
   */
  readonly nar: AsyncIterable<Uint8Array>;
  /** To be asked once all of the NAR was read. */
  outcome(): Unpacked;
}

/** Unpacks files, wherever that is done. */
export interface Unpacker {
  unpack(file: AsyncIterable<Uint8Array>, options: UnpackOptions): Unpacking;
}

/** Decompresses, hashes and measures a file in the calling thread. */
export function unpack(
  file: AsyncIterable<Uint8Array>,
  options: UnpackOptions,
): Unpacking {
  return measured(new PackedFile(file, options, { reusesMemory: true }));
}

/** Hashes and measures what comes out of a file. */
export function measured(contents: Contents): Unpacking {
  const hash = createHash('sha256');
  let size = 0;
  let unpacked: Unpacked | undefined;
  async function* nar(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of contents.pieces) {
      // Of a file that isn't compressed, the NAR's hash is the file's.
      if (contents.compression !== 'none') hash.update(piece);
      size += piece.length;
      yield piece;
    }
    const file = contents.outcome();
    const narSha256 =
      file.compression === 'none'
        ? file.fileSha256
        : new Uint8Array(hash.digest());
    unpacked = { ...file, narSha256, narSize: BigInt(size) };
  }
  return {
    nar: nar(),
    outcome() {
      if (unpacked === undefined) throw new Error('the NAR was not read');
      return unpacked;
    },
  };
}
