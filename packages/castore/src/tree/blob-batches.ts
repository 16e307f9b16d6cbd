import type { BlobService } from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import { CastoreError } from '../errors.ts';

/** A batch is sent when one more blob would exceed either. */
const BATCH_BYTES = 1024 * 1024;
const BATCH_BLOBS = 1000;

/** What a batch begins with, and doubles from there. */
const FIRST_BUFFER_BYTES = 64 * 1024;

/** Full buffers of batches that were stored, for the next tree: fresh ones would hasten the collector. */
const spare: Buffer[] = [];
const MAX_SPARE = 16;

/** How batches are stored, and what they tell meanwhile. */
export interface BlobBatchesOptions<T> {
  /** How many batches may be on their way. */
  readonly underWay: number;
  /** Gets the digest of each blob, with what it was begun for. */
  readonly onStored: (item: T, digest: B3Digest) => void;
  /** Gets the first failure as soon as it happens. */
  readonly onFailure: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** Gathers small blobs, copying their bytes, and stores them in batches, several at a time. */
export class BlobBatches<T> {
  readonly #blobs: Pick<BlobService, 'putMany'>;
  readonly #options: BlobBatchesOptions<T>;
  readonly #underWay = new Set<Promise<void>>();
  #buffer: Buffer | undefined;
  #filled = 0;
  /** Where each of the gathered blobs begins. */
  #starts: number[] = [];
  #items: T[] = [];

  constructor(
    blobs: Pick<BlobService, 'putMany'>,
    options: BlobBatchesOptions<T>,
  ) {
    this.#blobs = blobs;
    this.#options = options;
  }

  /**
   * Begins a blob of at most {@link BATCH_BYTES}, whose bytes are to follow. A promise where another batch must arrive
   * before they are welcome.
   */
  begin(size: number, item: T): Promise<void> | undefined {
    const isFull =
      this.#items.length === BATCH_BLOBS || this.#filled + size > BATCH_BYTES;
    const sent = isFull ? this.#send() : undefined;
    this.#makeRoom(size);
    this.#starts.push(this.#filled);
    this.#items.push(item);
    return sent;
  }

  /** Adds the next bytes of the blob that was begun last. */
  append(bytes: Uint8Array): void {
    this.#buffer!.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  /** Stores all that is left. */
  async finish(): Promise<void> {
    await this.#send();
    await Promise.all(this.#underWay);
  }

  #makeRoom(size: number): void {
    this.#buffer ??= spare.pop();
    const needed = this.#filled + size;
    if (this.#buffer !== undefined && needed <= this.#buffer.length) return;
    const doubled = 2 * (this.#buffer?.length ?? 0);
    const buffer = Buffer.allocUnsafeSlow(
      Math.min(BATCH_BYTES, Math.max(needed, doubled, FIRST_BUFFER_BYTES)),
    );
    this.#buffer?.copy(buffer, 0, 0, this.#filled);
    this.#buffer = buffer;
  }

  /** Starts to store what was gathered; a promise where too much is on its way then. */
  #send(): Promise<void> | undefined {
    const buffer = this.#buffer;
    if (buffer === undefined || this.#items.length === 0) return undefined;
    const underWay = this.#put(buffer).then(() => {
      this.#underWay.delete(underWay);
    });
    this.#underWay.add(underWay);
    underWay.catch(this.#options.onFailure);
    this.#buffer = undefined;
    this.#filled = 0;
    this.#starts = [];
    this.#items = [];
    return this.#underWay.size < this.#options.underWay
      ? undefined
      : Promise.race(this.#underWay);
  }

  async #put(buffer: Buffer): Promise<void> {
    const { signal, onStored } = this.#options;
    const items = this.#items;
    const ends = [...this.#starts.slice(1), this.#filled];
    const blobs = this.#starts.map((start, i) =>
      buffer.subarray(start, ends[i]),
    );
    const digests = await this.#blobs.putMany(blobs, { signal });
    if (digests.length !== items.length) {
      throw new CastoreError(
        'castore/protocol',
        `${items.length} blobs were put, ${digests.length} digests came back`,
      );
    }
    if (buffer.length === BATCH_BYTES && spare.length < MAX_SPARE)
      spare.push(buffer);
    for (const [i, item] of items.entries()) onStored(item, digests[i]!);
  }
}
