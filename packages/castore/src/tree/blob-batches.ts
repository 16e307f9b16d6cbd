import type { BlobService } from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import { CastoreError } from '../errors.ts';

/** A batch is sent when one more blob would exceed either. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
const MAX_BATCH_BLOBS = 1000;

/** What the batches tell while they are stored. */
export interface BlobBatchesOptions<T> {
  /** Gets the digest of each blob, with what it was added for. */
  readonly onStored: (item: T, digest: B3Digest) => void;
  /** Gets the first failure as soon as it happens. */
  readonly onFailure: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** Gathers small blobs and stores them in batches: one is on its way while the next one is gathered, never more. */
export class BlobBatches<T> {
  readonly #blobs: Pick<BlobService, 'putMany'>;
  readonly #options: BlobBatchesOptions<T>;
  #gathered: Uint8Array[] = [];
  #items: T[] = [];
  #bytes = 0;
  #onItsWay: Promise<void> = Promise.resolve();

  constructor(
    blobs: Pick<BlobService, 'putMany'>,
    options: BlobBatchesOptions<T>,
  ) {
    this.#blobs = blobs;
    this.#options = options;
  }

  /**
   * Adds a blob, whose bytes must not change until it is stored. A promise where the batch that is on its way must
   * arrive before more is welcome.
   */
  add(bytes: Uint8Array, item: T): Promise<void> | undefined {
    const count = this.#gathered.length;
    const isFull =
      count === MAX_BATCH_BLOBS ||
      (count > 0 && this.#bytes + bytes.length > MAX_BATCH_BYTES);
    const sent = isFull ? this.#send() : undefined;
    this.#gathered.push(bytes);
    this.#items.push(item);
    this.#bytes += bytes.length;
    return sent;
  }

  /** Stores all that is left. */
  async finish(): Promise<void> {
    await this.#send();
    await this.#onItsWay;
  }

  /** Starts to store what was gathered, as soon as the batch before it is stored. */
  async #send(): Promise<void> {
    const gathered = this.#gathered;
    const items = this.#items;
    this.#gathered = [];
    this.#items = [];
    this.#bytes = 0;
    await this.#onItsWay;
    if (gathered.length === 0) return;
    this.#onItsWay = this.#put(gathered, items);
    this.#onItsWay.catch(this.#options.onFailure);
  }

  async #put(
    gathered: readonly Uint8Array[],
    items: readonly T[],
  ): Promise<void> {
    const { signal, onStored } = this.#options;
    const digests = await this.#blobs.putMany(gathered, { signal });
    if (digests.length !== items.length) {
      throw new CastoreError(
        'castore/protocol',
        `${items.length} blobs were put, ${digests.length} digests came back`,
      );
    }
    for (const [i, item] of items.entries()) onStored(item, digests[i]!);
  }
}
