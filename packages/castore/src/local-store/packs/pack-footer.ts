/**
 * The end of a sealed pack: a record of kind `footer` that lists every record before it (see `pack-listing.ts`), then a
 * 32-byte trailer. The trailer: magic `89 43 41 53 45 4e 44 0a` ("\x89CASEND\n"), offset of the footer record 8, number of
 * entries 4, zero 8, CRC-32 of the 28 bytes before. It lets a rebuild read one place instead of walking the pack.
 */
import { crc32 } from 'node:zlib';

/** The length of the trailer in bytes. */
export const PACK_TRAILER_BYTES = 32;

const MAGIC = Uint8Array.from([0x89, 0x43, 0x41, 0x53, 0x45, 0x4e, 0x44, 0x0a]);

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
