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

/** Entries lie in pieces of so many, so that growing copies none of them. */
export const PIECE_ENTRIES = 4096;

/** A list of the records of a pack in their order. */
export class PackListing implements Iterable<PackEntry> {
  readonly #pieces: Buffer[];
  #length: number;

  private constructor(pieces: Buffer[], length: number) {
    this.#pieces = pieces;
    this.#length = length;
  }

  /** A list without records. */
  static empty(): PackListing {
    return new PackListing([], 0);
  }

  /** What a part of a footer's payload lists, {@link PIECE_ENTRIES} at most. It is kept, and not to be added to. */
  static decode(part: Buffer): PackListing {
    return new PackListing([part], Math.floor(part.length / PACK_ENTRY_BYTES));
  }

  get length(): number {
    return this.#length;
  }

  add(entry: PackEntry): void {
    const piece = Math.floor(this.#length / PIECE_ENTRIES);
    const bytes = (this.#pieces[piece] ??= Buffer.alloc(
      PIECE_ENTRIES * PACK_ENTRY_BYTES,
    ));
    let at = (this.#length % PIECE_ENTRIES) * PACK_ENTRY_BYTES;
    bytes[at] = entry.kind;
    bytes[at + 1] = entry.codec;
    bytes.set(entry.key, at + KEY_AT);
    at += KEY_AT + RECORD_KEY_BYTES;
    bytes.writeUInt32LE(entry.offset / RECORD_ALIGNMENT, at);
    bytes.writeUInt32LE(entry.storedLength, at + 4);
    bytes.writeUInt32LE(entry.rawLength, at + 8);
    this.#length += 1;
  }

  /** Forgets all behind the first so many; their room is used again. */
  cutTo(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  kindAt(index: number): RecordKind {
    return this.#pieceOf(index)[placeOf(index)] as RecordKind;
  }

  /** Where a record begins. */
  offsetAt(index: number): number {
    const at = placeOf(index) + KEY_AT + RECORD_KEY_BYTES;
    return this.#pieceOf(index).readUInt32LE(at) * RECORD_ALIGNMENT;
  }

  /** Copies the key of a record to a place in other bytes. */
  copyKey(index: number, into: Buffer, at: number): void {
    const bytes = this.#pieceOf(index);
    const start = placeOf(index) + KEY_AT;
    for (let i = 0; i < RECORD_KEY_BYTES; i += 1)
      into[at + i] = bytes[start + i]!;
  }

  /** An entry, its key a view that is valid until the list is cut and added to. */
  at(index: number): PackEntry {
    const bytes = this.#pieceOf(index);
    const at = placeOf(index);
    const keyEnd = at + KEY_AT + RECORD_KEY_BYTES;
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

  /** The payload of a footer. */
  encode(): Buffer {
    return Buffer.concat(this.#pieces, this.#length * PACK_ENTRY_BYTES);
  }

  #pieceOf(index: number): Buffer {
    return this.#pieces[Math.floor(index / PIECE_ENTRIES)]!;
  }
}

function placeOf(index: number): number {
  return (index % PIECE_ENTRIES) * PACK_ENTRY_BYTES;
}
