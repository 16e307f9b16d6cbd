import { crc32 } from 'node:zlib';
import { CastoreError } from '../../errors.ts';
import {
  IndexSpace,
  type IndexWrite,
  type StoreIndex,
} from '../index/store-index.ts';

const KEY = Buffer.of(IndexSpace.sequence);

/** The numbers that order the changes to tables, never given twice. */
export class Sequence {
  #last: number;

  private constructor(last: number) {
    this.#last = last;
  }

  /** @throws CastoreError `castore/corrupt-store` */
  static load(index: StoreIndex): Sequence {
    const bytes = index.get(KEY);
    if (bytes === undefined) return new Sequence(0);
    if (
      bytes.length !== 12 ||
      bytes.readUInt32LE(8) !== crc32(bytes.subarray(0, 8))
    )
      throw new CastoreError(
        'castore/corrupt-store',
        'the sequence number in the index is damaged',
      );
    return new Sequence(Number(bytes.readBigUInt64LE(0)));
  }

  /** The write that makes a number part of a commit. */
  static write(last: number): IndexWrite {
    const value = Buffer.alloc(12);
    value.writeBigUInt64LE(BigInt(last), 0);
    value.writeUInt32LE(crc32(value.subarray(0, 8)), 8);
    return { key: KEY, value };
  }

  get last(): number {
    return this.#last;
  }

  next(): number {
    this.#last += 1;
    return this.#last;
  }
}
