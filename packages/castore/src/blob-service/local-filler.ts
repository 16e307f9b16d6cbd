import { B3Digest } from '../digest/b3-digest.ts';
import { CastoreError } from '../errors.ts';
import type { RecordFiller } from '../local-store/read/record-filler.ts';
import type { BlobFiller, BlobService } from './blob-service.ts';

/** Blobs of a local store on their way to their places; what the threads of the store leave is read at once. */
export class LocalBlobFiller implements BlobFiller {
  readonly #chunks: RecordFiller;
  readonly #blobs: Required<Pick<BlobService, 'readWhole'>>;

  constructor(
    chunks: RecordFiller,
    blobs: Required<Pick<BlobService, 'readWhole'>>,
  ) {
    this.#chunks = chunks;
    this.#blobs = blobs;
  }

  add(digest: B3Digest, into: Uint8Array): boolean {
    return this.#chunks.add(digest.bytes, into);
  }

  async fill(): Promise<void> {
    for (const { key, into } of await this.#chunks.fill()) {
      const digest = B3Digest.fromBytes(key);
      if (this.#blobs.readWhole(digest, into)) continue;
      throw new CastoreError(
        'castore/blob-not-found',
        `blob ${digest.toString()} is gone since its tree was looked at`,
        { details: { digest } },
      );
    }
  }
}
