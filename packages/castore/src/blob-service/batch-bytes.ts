import { CastoreError } from '../errors.ts';

/** What a batch may have where its caller doesn't say. */
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/** Counts the bytes of a batch before there is memory for them. */
export class BatchBytes {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number = DEFAULT_MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** @throws CastoreError `castore/limit-exceeded` */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#maxBytes) return;
    throw new CastoreError(
      'castore/limit-exceeded',
      `the blobs of a batch have more than ${this.#maxBytes} bytes`,
      { details: { limit: this.#maxBytes } },
    );
  }
}
