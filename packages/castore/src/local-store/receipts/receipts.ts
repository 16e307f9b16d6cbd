import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Amendment } from '../commit/commit-queue.ts';
import { IndexSpace, type IndexWrite } from '../index/store-index.ts';
import type { ReceiptIndex } from './receipt-index.ts';

/** The length of a receipt. */
export const RECEIPT_BYTES = 16;

/** More than people import trees into one store; of more the oldest go. */
const MAX_RECEIPTS = 1024;

/** A version, when it was given (milliseconds since 1970, little-endian), the CRC-32 of the key and of these. */
const VALUE_BYTES = 13;
const CHECKSUM_AT = 9;
const VERSION = 1;

/**
 * Receipts for what is stored: for as long as one is held, nothing is gone that was stored when it was given. It tells
 * that in a later run, too, without a look at what it was given for. What is gone by a collection, by damage that was
 * noticed, by a repair, or with files of the store takes all receipts back, whatever they were given for; and a store that
 * was put back as it had been before doesn't know those that were given since.
 */
export class Receipts {
  readonly #index: ReceiptIndex;
  readonly #amend: (amendment: Amendment) => Promise<void>;
  readonly #now: () => number;

  /** The clock tells milliseconds since 1970. */
  constructor(
    index: ReceiptIndex,
    amend: (amendment: Amendment) => Promise<void>,
    now: () => number,
  ) {
    this.#index = index;
    this.#amend = amend;
    this.#now = now;
  }

  /** A moment, for {@link Receipts.give}: to be taken before anything is looked for or put. */
  get moment(): number {
    return this.#index.losses;
  }

  /**
   * Gives a receipt for what was found or put, durably, since a moment; `undefined` where something is gone since then.
   *
   * @throws CastoreError as a put does
   */
  async give(moment: number): Promise<Uint8Array | undefined> {
    const receipt = randomBytes(RECEIPT_BYTES);
    let isGiven = false;
    await this.#amend(() => {
      if (this.moment !== moment || this.#index.isDoubtful) return [];
      isGiven = true;
      return [...this.#oldest(), this.#write(receipt)];
    });
    return isGiven ? new Uint8Array(receipt) : undefined;
  }

  /** Whether nothing is gone that was stored when a receipt was given. */
  holds(receipt: Uint8Array): boolean {
    if (this.#index.isDoubtful || receipt.length !== RECEIPT_BYTES)
      return false;
    const key = keyOf(receipt);
    const value = this.#index.get(key);
    return value !== undefined && isSound(key, value);
  }

  #write(receipt: Uint8Array): IndexWrite {
    const key = keyOf(receipt);
    const value = Buffer.alloc(VALUE_BYTES);
    value[0] = VERSION;
    value.writeBigUInt64LE(BigInt(this.#now()), 1);
    value.writeUInt32LE(checksum(key, value), CHECKSUM_AT);
    return { key, value };
  }

  /** What goes, so that there is room for one more. */
  #oldest(): IndexWrite[] {
    const given = this.#index.range({
      start: Buffer.of(IndexSpace.receipts),
      end: Buffer.of(IndexSpace.receipts + 1),
    });
    return given
      .map(([key, value]) => ({ key, givenMs: givenMs(key, value) }))
      .sort((a, b) => b.givenMs - a.givenMs)
      .slice(MAX_RECEIPTS - 1)
      .map(({ key }) => ({ key, value: undefined }));
  }
}

function keyOf(receipt: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(IndexSpace.receipts), receipt]);
}

/** Those that are damaged go first. */
function givenMs(key: Buffer, value: Buffer): number {
  return isSound(key, value) ? Number(value.readBigUInt64LE(1)) : 0;
}

function isSound(key: Buffer, value: Buffer): boolean {
  return (
    value.length === VALUE_BYTES &&
    value[0] === VERSION &&
    value.readUInt32LE(CHECKSUM_AT) === checksum(key, value)
  );
}

function checksum(key: Buffer, value: Buffer): number {
  return crc32(value.subarray(0, CHECKSUM_AT), crc32(key));
}
