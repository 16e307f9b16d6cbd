/**
 * The first 64 bytes of a pack.
 *
 * | offset | bytes | field |
 * | --- | --- | --- |
 * | 0 | 8 | magic `89 43 41 53 50 41 4b 0a` ("\x89CASPAK\n") |
 * | 8 | 4 | version, 1 |
 * | 12 | 4 | number of the pack: newer packs have higher ones |
 * | 16 | 16 | id of the pack, random; its 32 hex digits name the file |
 * | 32 | 16 | id of the store |
 * | 48 | 8 | created, milliseconds since 1970 |
 * | 56 | 4 | 0 |
 * | 60 | 4 | CRC-32 of the 60 bytes before |
 */
import path from 'node:path';
import { crc32 } from 'node:zlib';

/** The length of a pack's header; the first record follows. */
export const PACK_HEADER_BYTES = 64;

/** The fields of a pack's header. */
export interface PackHeader {
  readonly number: number;
  /** 16 bytes. */
  readonly id: Uint8Array;
  /** 16 bytes. */
  readonly storeId: Uint8Array;
  readonly createdMs: number;
}

const MAGIC = Uint8Array.from([0x89, 0x43, 0x41, 0x53, 0x50, 0x41, 0x4b, 0x0a]);
const VERSION = 1;

/** The first bytes of a pack. */
export function encodePackHeader(header: PackHeader): Buffer {
  const bytes = Buffer.alloc(PACK_HEADER_BYTES);
  bytes.set(MAGIC, 0);
  bytes.writeUInt32LE(VERSION, 8);
  bytes.writeUInt32LE(header.number, 12);
  bytes.set(header.id, 16);
  bytes.set(header.storeId, 32);
  bytes.writeBigUInt64LE(BigInt(header.createdMs), 48);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
  return bytes;
}

/** The header of a pack; `undefined` where it is damaged, cut off, or of a version that this program doesn't know. */
export function decodePackHeader(bytes: Buffer): PackHeader | undefined {
  if (bytes.length < PACK_HEADER_BYTES) return undefined;
  if (Buffer.compare(bytes.subarray(0, 8), MAGIC) !== 0) return undefined;
  if (bytes.readUInt32LE(60) !== crc32(bytes.subarray(0, 60))) return undefined;
  if (bytes.readUInt32LE(8) !== VERSION) return undefined;
  return {
    number: bytes.readUInt32LE(12),
    id: new Uint8Array(bytes.subarray(16, 32)),
    storeId: new Uint8Array(bytes.subarray(32, 48)),
    createdMs: Number(bytes.readBigUInt64LE(48)),
  };
}

/**
 * What each record of a pack carries to show that it was written there: the CRC-32 of the pack's id. Nobody who stores
 * bytes from outside knows the id of the pack that they will land in.
 */
export function packTag(id: Uint8Array): number {
  return crc32(id);
}

/** Where a pack lies below the directory `packs`: `ab/<32 hex digits>.pack`. */
export function packFile(packsDirectory: string, id: Uint8Array): string {
  const hex = Buffer.from(id).toString('hex');
  return path.join(packsDirectory, hex.slice(0, 2), `${hex}.pack`);
}
