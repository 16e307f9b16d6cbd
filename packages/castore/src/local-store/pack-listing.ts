/**
 * The records of a pack, as the payload of its footer has them. An entry is 48 bytes: kind 1, codec 1, zero 2, key 32,
 * offset of the record divided by eight 4, stored length 4, raw length 4.
 *
 * A pack of small records lists a million: they stay bytes until they are looked at.
 */
import {
  type Codec,
  RECORD_ALIGNMENT,
  RECORD_KEY_BYTES,
  type RecordKind,
} from './record.ts';

/** One record of a pack. */
export interface PackEntry {
  readonly kind: RecordKind;
  readonly codec: Codec;
  readonly key: Uint8Array;
  /** Of the record's header, from the start of the pack. */
  readonly offset: number;
  readonly storedLength: number;
  readonly rawLength: number;
}

/** The length of an entry in bytes. */
export const PACK_ENTRY_BYTES = 48;

const KEY_AT = 4;
const FIRST_ENTRIES = 64;

/** A list of the records of a pack in their order. */
export class PackListing implements Iterable<PackEntry> {
  #bytes: Buffer;
  #length: number;

  private constructor(bytes: Buffer, length: number) {
    this.#bytes = bytes;
    this.#length = length;
  }

  /** A list without records. */
  static empty(): PackListing {
    return new PackListing(Buffer.alloc(0), 0);
  }

  /** What the payload of a footer, or a part of it, lists. It is kept, and not to be added to. */
  static decode(payload: Buffer): PackListing {
    return new PackListing(
      payload,
      Math.floor(payload.length / PACK_ENTRY_BYTES),
    );
  }

  get length(): number {
    return this.#length;
  }

  add(entry: PackEntry): void {
    let at = this.#length * PACK_ENTRY_BYTES;
    if (at === this.#bytes.length) this.#grow();
    const bytes = this.#bytes;
    bytes[at] = entry.kind;
    bytes[at + 1] = entry.codec;
    bytes.set(entry.key, at + KEY_AT);
    at += KEY_AT + RECORD_KEY_BYTES;
    bytes.writeUInt32LE(entry.offset / RECORD_ALIGNMENT, at);
    bytes.writeUInt32LE(entry.storedLength, at + 4);
    bytes.writeUInt32LE(entry.rawLength, at + 8);
    this.#length += 1;
  }

  /** Forgets all behind the first so many. */
  cutTo(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  kindAt(index: number): RecordKind {
    return this.#bytes[index * PACK_ENTRY_BYTES] as RecordKind;
  }

  /** Where a record begins. */
  offsetAt(index: number): number {
    const at = index * PACK_ENTRY_BYTES + KEY_AT + RECORD_KEY_BYTES;
    return this.#bytes.readUInt32LE(at) * RECORD_ALIGNMENT;
  }

  /** Copies the key of a record to a place in other bytes. */
  copyKey(index: number, into: Buffer, at: number): void {
    const start = index * PACK_ENTRY_BYTES + KEY_AT;
    for (let i = 0; i < RECORD_KEY_BYTES; i += 1)
      into[at + i] = this.#bytes[start + i]!;
  }

  /** An entry, its key a view that is valid for as long as nothing is added. */
  at(index: number): PackEntry {
    const at = index * PACK_ENTRY_BYTES;
    const keyEnd = at + KEY_AT + RECORD_KEY_BYTES;
    const bytes = this.#bytes;
    return {
      kind: bytes[at] as RecordKind,
      codec: bytes[at + 1] as Codec,
      key: bytes.subarray(at + KEY_AT, keyEnd),
      offset: bytes.readUInt32LE(keyEnd) * RECORD_ALIGNMENT,
      storedLength: bytes.readUInt32LE(keyEnd + 4),
      rawLength: bytes.readUInt32LE(keyEnd + 8),
    };
  }

  *[Symbol.iterator](): Generator<PackEntry> {
    for (let i = 0; i < this.#length; i += 1) yield this.at(i);
  }

  /** The payload of a footer; a view. */
  encode(): Buffer {
    return this.#bytes.subarray(0, this.#length * PACK_ENTRY_BYTES);
  }

  #grow(): void {
    const entries = Math.max(FIRST_ENTRIES, 2 * this.#length);
    const bytes = Buffer.alloc(entries * PACK_ENTRY_BYTES);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
  }
}
