/**
 * One change to a table, as the payload of a `tableEntry` record:
 *
 * | bytes | field |
 * | --- | --- |
 * | 1 | version, 1 |
 * | 1 | 0 a value, 1 a removal |
 * | 1 | length of the table's name |
 * | 1 | 0 |
 * | 2 | length of the key |
 * | 2 | 0 |
 * | 8 | sequence number: of two changes to one key the higher one counts |
 * | … | name, key, value (to the end) |
 *
 * and in the index, under `04`, length of the name, name, key, as the tail of an entry: the sequence number (8 bytes), then
 * 0 with the value behind it, 1 for a removal (kept only while an index is rebuilt), 2 where the pack has the value.
 */
import { CastoreError } from '../../errors.ts';
import { IndexSpace } from '../index/store-index.ts';

/** A change to one key of a table. */
export interface TableEntry {
  readonly table: string;
  readonly key: Uint8Array;
  readonly sequence: number;
  /** `undefined` says that the key is gone. */
  readonly value: Uint8Array | undefined;
}

/** Longest key, in bytes: LMDB takes 1978 with the table's name. */
export const MAX_TABLE_KEY_BYTES = 1024;

/** Values up to this length are read from the index: a page of it holds two or more of them. */
export const INLINE_VALUE_BYTES = 1024;

const HEADER_BYTES = 16;
const TAIL_BYTES = 9;
const VERSION = 1;

/** The payload of a record. */
export function encodeTableEntry(entry: TableEntry): Buffer {
  const name = Buffer.from(entry.table, 'latin1');
  const value = entry.value ?? new Uint8Array(0);
  const bytes = Buffer.alloc(
    HEADER_BYTES + name.length + entry.key.length + value.length,
  );
  bytes[0] = VERSION;
  bytes[1] = entry.value === undefined ? 1 : 0;
  bytes[2] = name.length;
  bytes.writeUInt16LE(entry.key.length, 4);
  bytes.writeBigUInt64LE(BigInt(entry.sequence), 8);
  bytes.set(name, HEADER_BYTES);
  bytes.set(entry.key, HEADER_BYTES + name.length);
  bytes.set(value, HEADER_BYTES + name.length + entry.key.length);
  return bytes;
}

/** @throws CastoreError `castore/corrupt-store` */
export function decodeTableEntry(payload: Uint8Array): TableEntry {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  if (bytes.length < HEADER_BYTES || bytes[0] !== VERSION) throw malformed();
  const nameEnd = HEADER_BYTES + bytes[2]!;
  const keyEnd = nameEnd + bytes.readUInt16LE(4);
  if (keyEnd > bytes.length) throw malformed();
  return {
    table: bytes.toString('latin1', HEADER_BYTES, nameEnd),
    key: new Uint8Array(bytes.subarray(nameEnd, keyEnd)),
    sequence: Number(bytes.readBigUInt64LE(8)),
    value: bytes[1] === 1 ? undefined : new Uint8Array(bytes.subarray(keyEnd)),
  };
}

/** Where the index keeps a key of a table. */
export function tableIndexKey(table: string, key: Uint8Array): Buffer {
  return Buffer.concat([tablePrefix(table), key]);
}

/** The table and the key that an index key is made of. */
export function splitTableIndexKey(indexKey: Buffer): {
  readonly table: string;
  readonly key: Uint8Array;
} {
  const nameEnd = 2 + indexKey[1]!;
  return {
    table: indexKey.toString('latin1', 2, nameEnd),
    key: new Uint8Array(indexKey.subarray(nameEnd)),
  };
}

/** What all index keys of a table begin with. */
export function tablePrefix(table: string): Buffer {
  return Buffer.concat([
    Buffer.of(IndexSpace.tables, table.length),
    Buffer.from(table, 'latin1'),
  ]);
}

/** The tail of an index entry. */
export function encodeTableTail(entry: TableEntry): Buffer {
  const { value } = entry;
  const inline =
    value !== undefined && value.length <= INLINE_VALUE_BYTES
      ? value
      : undefined;
  const bytes = Buffer.alloc(TAIL_BYTES + (inline?.length ?? 0));
  bytes.writeBigUInt64LE(BigInt(entry.sequence), 0);
  bytes[8] = value === undefined ? 1 : inline === undefined ? 2 : 0;
  if (inline !== undefined) bytes.set(inline, TAIL_BYTES);
  return bytes;
}

/** What the index knows of a key without a look into the pack. */
export interface TableTail {
  readonly sequence: number;
  readonly isRemoval: boolean;
  /** `undefined` where it has to be read from the pack. */
  readonly value: Uint8Array | undefined;
}

/** What the tail of an index entry says. */
export function decodeTableTail(tail: Buffer): TableTail {
  return {
    sequence: Number(tail.readBigUInt64LE(0)),
    isRemoval: tail[8] === 1,
    value:
      tail[8] === 0 ? new Uint8Array(tail.subarray(TAIL_BYTES)) : undefined,
  };
}

function malformed(): CastoreError {
  return new CastoreError(
    'castore/corrupt-store',
    'a record of a table is malformed',
  );
}
