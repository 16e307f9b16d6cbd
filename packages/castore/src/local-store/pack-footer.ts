/**
 * The end of a sealed pack: a record of kind `footer` that lists every record before it, then a 32-byte trailer.
 *
 * An entry is 48 bytes: kind 1, codec 1, zero 2, key 32, offset of the record divided by eight 4, stored length 4, raw
 * length 4. The trailer: magic `89 43 41 53 45 4e 44 0a` ("\x89CASEND\n"), offset of the footer record 8, number of
 * entries 4, zero 8, CRC-32 of the 28 bytes before. It lets a rebuild read one place instead of walking the pack.
 */
import { crc32 } from 'node:zlib';
import {
  type Codec,
  RECORD_ALIGNMENT,
  RECORD_KEY_BYTES,
  type RecordKind,
} from './record.ts';

/** The length of the trailer in bytes. */
export const PACK_TRAILER_BYTES = 32;

const ENTRY_BYTES = 48;
const MAGIC = Uint8Array.from([0x89, 0x43, 0x41, 0x53, 0x45, 0x4e, 0x44, 0x0a]);

/** One record of a pack, as footers and scans name it. */
export interface PackEntry {
  readonly kind: RecordKind;
  readonly codec: Codec;
  readonly key: Uint8Array;
  /** Of the record's header, from the start of the pack. */
  readonly offset: number;
  readonly storedLength: number;
  readonly rawLength: number;
}

/** The payload of the footer record. */
export function encodePackFooter(entries: readonly PackEntry[]): Buffer {
  const bytes = Buffer.alloc(entries.length * ENTRY_BYTES);
  let at = 0;
  for (const entry of entries) {
    bytes[at] = entry.kind;
    bytes[at + 1] = entry.codec;
    bytes.set(entry.key, at + 4);
    bytes.writeUInt32LE(entry.offset / RECORD_ALIGNMENT, at + 36);
    bytes.writeUInt32LE(entry.storedLength, at + 40);
    bytes.writeUInt32LE(entry.rawLength, at + 44);
    at += ENTRY_BYTES;
  }
  return bytes;
}

/** The records that the payload of a footer lists. */
export function decodePackFooter(payload: Buffer): PackEntry[] {
  const entries: PackEntry[] = [];
  for (let at = 0; at + ENTRY_BYTES <= payload.length; at += ENTRY_BYTES) {
    entries.push({
      kind: payload[at] as RecordKind,
      codec: payload[at + 1] as Codec,
      // A view: a pack may list a million records.
      key: payload.subarray(at + 4, at + 4 + RECORD_KEY_BYTES),
      offset: payload.readUInt32LE(at + 36) * RECORD_ALIGNMENT,
      storedLength: payload.readUInt32LE(at + 40),
      rawLength: payload.readUInt32LE(at + 44),
    });
  }
  return entries;
}

/** The last bytes of a sealed pack. */
export function encodePackTrailer(
  footerOffset: number,
  entryCount: number,
): Buffer {
  const bytes = Buffer.alloc(PACK_TRAILER_BYTES);
  bytes.set(MAGIC, 0);
  bytes.writeBigUInt64LE(BigInt(footerOffset), 8);
  bytes.writeUInt32LE(entryCount, 16);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 28)), 28);
  return bytes;
}

/** Where the footer record begins; `undefined` where the bytes are no trailer. */
export function decodePackTrailer(
  bytes: Buffer,
): { readonly footerOffset: number; readonly entryCount: number } | undefined {
  if (bytes.length !== PACK_TRAILER_BYTES) return undefined;
  if (Buffer.compare(bytes.subarray(0, 8), MAGIC) !== 0) return undefined;
  if (bytes.readUInt32LE(28) !== crc32(bytes.subarray(0, 28))) return undefined;
  return {
    footerOffset: Number(bytes.readBigUInt64LE(8)),
    entryCount: bytes.readUInt32LE(16),
  };
}
