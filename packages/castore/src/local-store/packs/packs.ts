import fs from 'node:fs';
import { crc32 } from 'node:zlib';
import { CastoreError } from '../../errors.ts';
import { packFile, packTag } from './pack-header.ts';
import { errnoOf } from '../store-failure.ts';
import {
  IndexSpace,
  type IndexWrite,
  type StoreIndex,
} from '../index/store-index.ts';

/** What the store knows of one pack. */
export interface Pack {
  readonly number: number;
  /** 16 bytes. */
  readonly id: Uint8Array;
  readonly tag: number;
  readonly file: string;
  /** The bytes that are committed: what lies beyond was never acknowledged. */
  committedLength: number;
  /** The committed bytes that the file really has; less where it was cut off, zero where it is gone. */
  availableLength: number;
  isSealed: boolean;
  /** Set when nothing leads into it any more: what happens to its file next, before the index forgets its name. */
  retirement: 'removed' | 'quarantined' | undefined;
  recordCount: number;
  /** Bytes of records that nothing leads to any more, as far as known without a collection. */
  deadBytes: number;
  /** When all its records were last read and found as they should be, in milliseconds since 1970; 0 for never. */
  verifiedMs: number;
}

const STATE_BYTES = 56;
const VERSION = 1;
const SEALED = 1;
const REMOVED = 2;
const QUARANTINED = 4;

/** The packs of a store by number, and how each is written down in the index. */
export class Packs {
  readonly #directory: string;
  readonly #packs = new Map<number, Pack>();
  /** Of all packs, a character a byte. */
  readonly #ids = new Set<string>();

  constructor(packsDirectory: string) {
    this.#directory = packsDirectory;
  }

  /** The packs that an index names. */
  static load(packsDirectory: string, index: StoreIndex): Packs {
    const packs = new Packs(packsDirectory);
    const entries = index.range({
      start: stateKey(0),
      end: Buffer.of(IndexSpace.packs + 1),
    });
    for (const [key, value] of entries) {
      const number = key.readUInt32BE(1);
      const pack = packs.#decode(number, value);
      if (pack === undefined) {
        throw new CastoreError(
          'castore/corrupt-store',
          `the index entry of pack ${number} is damaged`,
        );
      }
      packs.#add(pack);
    }
    return packs;
  }

  get(number: number): Pack | undefined {
    return this.#packs.get(number);
  }

  has(id: Uint8Array): boolean {
    return this.#ids.has(Buffer.from(id).toString('latin1'));
  }

  /** Where the file of a pack lies. */
  fileOf(id: Uint8Array): string {
    return packFile(this.#directory, id);
  }

  /** In ascending order of their numbers. */
  all(): Pack[] {
    return [...this.#packs.values()].sort((a, b) => a.number - b.number);
  }

  get nextNumber(): number {
    let highest = 0;
    for (const number of this.#packs.keys())
      if (number > highest) highest = number;
    return highest + 1;
  }

  /** Adds a pack of which nothing is committed yet. */
  add(number: number, id: Uint8Array): Pack {
    const pack: Pack = {
      number,
      id,
      tag: packTag(id),
      file: packFile(this.#directory, id),
      committedLength: 0,
      availableLength: 0,
      isSealed: false,
      retirement: undefined,
      recordCount: 0,
      deadBytes: 0,
      verifiedMs: 0,
    };
    this.#add(pack);
    return pack;
  }

  /** Forgets a pack whose file is gone. */
  remove(number: number): void {
    const pack = this.#packs.get(number);
    if (pack === undefined) return;
    this.#packs.delete(number);
    this.#ids.delete(Buffer.from(pack.id).toString('latin1'));
  }

  /** The write that makes the index forget a pack. */
  static removal(number: number): IndexWrite {
    return { key: stateKey(number), value: undefined };
  }

  /** The write that makes a pack's state part of a commit. */
  static write(pack: Pack): IndexWrite {
    const key = stateKey(pack.number);
    const bytes = Buffer.alloc(STATE_BYTES);
    bytes[0] = VERSION;
    bytes[1] = flagsOf(pack);
    bytes.set(pack.id, 4);
    bytes.writeBigUInt64LE(BigInt(pack.committedLength), 20);
    bytes.writeUInt32LE(pack.recordCount, 28);
    bytes.writeBigUInt64LE(BigInt(pack.deadBytes), 32);
    bytes.writeBigUInt64LE(BigInt(pack.verifiedMs), 40);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 52), crc32(key)), 52);
    return { key, value: bytes };
  }

  #add(pack: Pack): void {
    this.#packs.set(pack.number, pack);
    this.#ids.add(Buffer.from(pack.id).toString('latin1'));
  }

  #decode(number: number, bytes: Buffer): Pack | undefined {
    const key = stateKey(number);
    if (
      bytes.length !== STATE_BYTES ||
      bytes[0] !== VERSION ||
      bytes.readUInt32LE(52) !== crc32(bytes.subarray(0, 52), crc32(key))
    )
      return undefined;
    const id = new Uint8Array(bytes.subarray(4, 20));
    const flags = bytes[1]!;
    return {
      number,
      id,
      tag: packTag(id),
      file: packFile(this.#directory, id),
      committedLength: Number(bytes.readBigUInt64LE(20)),
      availableLength: 0,
      isSealed: (flags & SEALED) !== 0,
      retirement:
        (flags & REMOVED) !== 0
          ? 'removed'
          : (flags & QUARANTINED) !== 0
            ? 'quarantined'
            : undefined,
      recordCount: bytes.readUInt32LE(28),
      deadBytes: Number(bytes.readBigUInt64LE(32)),
      verifiedMs: Number(bytes.readBigUInt64LE(40)),
    };
  }
}

/** A pack that is gone or cut off serves what it still has; the rest counts as not stored, so that a put brings it back. */
export function measurePack(pack: Pack): void {
  let size = 0;
  try {
    size = fs.statSync(pack.file).size;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  pack.availableLength = Math.min(size, pack.committedLength);
}

function flagsOf({ isSealed, retirement }: Pack): number {
  let flags = isSealed ? SEALED : 0;
  if (retirement === 'removed') flags |= REMOVED;
  if (retirement === 'quarantined') flags |= QUARANTINED;
  return flags;
}

function stateKey(number: number): Buffer {
  const key = Buffer.alloc(5);
  key[0] = IndexSpace.packs;
  key.writeUInt32BE(number, 1);
  return key;
}
