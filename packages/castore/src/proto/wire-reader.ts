import { CastoreError } from '../errors.ts';

/** Protobuf wire types (Protocol Buffers encoding guide, "Message structure"). */
export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
export const START_GROUP = 3;
export const END_GROUP = 4;
export const FIXED32 = 5;

const MAX_GROUP_DEPTH = 100;

/**
 * Reads protobuf's wire format out of one byte string, without copying: byte fields are views.
 *
 * @throws CastoreError `castore/undecodable` from every method that meets malformed bytes
 */
export class WireReader {
  readonly #bytes: Uint8Array;
  #position: number;
  #end: number;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
  }

  get done(): boolean {
    return this.#position >= this.#end;
  }

  /** The next field's number and wire type in one number: `number << 3 | type`. */
  tag(): number {
    const tag = this.#varintNumber();
    if (tag > 0xffff_ffff || tag >>> 3 === 0)
      throw undecodable('bad field number');
    return tag;
  }

  /** A varint as an unsigned 64-bit integer. */
  uint64(): bigint {
    const bytes = this.#bytes;
    let low = 0;
    // Seven groups of seven bits fit a double exactly; almost every size is shorter than that.
    for (let shift = 0, scale = 1; shift < 49; shift += 7, scale *= 128) {
      const byte = this.#byte(bytes);
      low += (byte & 0x7f) * scale;
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.#byte(bytes);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (shift === 63n && byte > 1)
          throw undecodable('varint exceeds 64 bits');
        return value;
      }
    }
    throw undecodable('varint is longer than ten bytes');
  }

  bool(): boolean {
    return this.uint64() !== 0n;
  }

  /** A length-delimited field, as a view into the input. */
  bytes(): Uint8Array {
    const start = this.#open();
    return this.#bytes.subarray(start, this.#position);
  }

  /** A length-delimited field, as a reader of its own. */
  message(): WireReader {
    const start = this.#open();
    return new WireReader(this.#bytes, start, this.#position);
  }

  /** Checks the wire type of a known field. */
  expect(tag: number, wireType: number): void {
    if ((tag & 7) !== wireType)
      throw undecodable(`field ${tag >>> 3} has wire type ${tag & 7}`);
  }

  /** Steps over an unknown field. */
  skip(tag: number, depth = 0): void {
    switch (tag & 7) {
      case VARINT:
        this.uint64();
        return;
      case FIXED64:
        return this.#advance(8);
      case LENGTH_DELIMITED:
        this.#open();
        return;
      case FIXED32:
        return this.#advance(4);
      case START_GROUP:
        if (depth >= MAX_GROUP_DEPTH)
          throw undecodable('groups nest too deeply');
        for (;;) {
          const inner = this.tag();
          if ((inner & 7) === END_GROUP) {
            if (inner >>> 3 !== tag >>> 3)
              throw undecodable('a group ends under another number');
            return;
          }
          this.skip(inner, depth + 1);
        }
      default:
        throw undecodable(`wire type ${tag & 7}`);
    }
  }

  /** Steps over a length-delimited field and answers where its content starts; its end is the new position. */
  #open(): number {
    const length = this.#varintNumber();
    const start = this.#position;
    this.#advance(length);
    return start;
  }

  #advance(length: number): void {
    if (length > this.#end - this.#position)
      throw undecodable('a field reaches beyond the end of its message');
    this.#position += length;
  }

  #varintNumber(): number {
    const first = this.#bytes[this.#position];
    if (first !== undefined && first < 0x80 && this.#position < this.#end) {
      this.#position++;
      return first;
    }
    return Number(this.uint64());
  }

  #byte(bytes: Uint8Array): number {
    if (this.#position >= this.#end)
      throw undecodable('a varint reaches beyond the end of its message');
    return bytes[this.#position++]!;
  }
}

function undecodable(what: string): CastoreError {
  return new CastoreError(
    'castore/undecodable',
    `not a valid protobuf message: ${what}`,
  );
}
