import { crc32 } from 'node:zlib';
import { B3Digest, RECEIPT_BYTES, RECORDED_NUMBERS } from '@tvix/castore';
import type { DirectoryNode, DiskRecord } from '@tvix/castore';

/** A tree on disk as it was when it was imported, and what it was in the store. */
export interface KnownTree {
  readonly record: DiskRecord;
  readonly node: DirectoryNode;
  /** When it was read, in milliseconds since 1970. */
  readonly readMs: number;
  /** What the store gave for it, where it gives such. */
  readonly receipt: Uint8Array | undefined;
}

/**
 * The file: a magic of 8 bytes; the CRC-32 of the rest; how many directories and files there are; when it was read, and
 * the device, as doubles; the size of the directory; its 32 bytes of BLAKE3; a receipt, zeros for none. Little-endian up
 * to here. Then 4 doubles for each directory and file, in the byte order of the machine; the ways.
 */
const MAGIC = Buffer.from('TVXTREE1');
const CHECKSUM_AT = 8;
const COUNT_AT = 12;
const READ_AT = 16;
const DEVICE_AT = 24;
const SIZE_AT = 32;
const DIGEST_AT = 40;
const RECEIPT_AT = DIGEST_AT + B3Digest.LENGTH;
const HEADER_BYTES = RECEIPT_AT + RECEIPT_BYTES;

/** The bytes of the file. */
export function encodeKnownTree(tree: KnownTree): Uint8Array {
  const { numbers, ways, dev } = tree.record;
  const bytes = Buffer.alloc(HEADER_BYTES + numbers.byteLength + ways.length);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(numbers.length / RECORDED_NUMBERS, COUNT_AT);
  bytes.writeDoubleLE(tree.readMs, READ_AT);
  bytes.writeDoubleLE(dev, DEVICE_AT);
  bytes.writeBigUInt64LE(tree.node.size, SIZE_AT);
  bytes.set(tree.node.digest.bytes, DIGEST_AT);
  if (tree.receipt !== undefined) bytes.set(tree.receipt, RECEIPT_AT);
  bytes.set(
    new Uint8Array(numbers.buffer, 0, numbers.byteLength),
    HEADER_BYTES,
  );
  bytes.set(ways, HEADER_BYTES + numbers.byteLength);
  bytes.writeUInt32LE(crc32(bytes.subarray(COUNT_AT)), CHECKSUM_AT);
  return bytes;
}

/** What the bytes say; `undefined` where they aren't such a file, or damaged. */
export function decodeKnownTree(bytes: Buffer): KnownTree | undefined {
  if (
    bytes.length < HEADER_BYTES ||
    !bytes.subarray(0, MAGIC.length).equals(MAGIC) ||
    bytes.readUInt32LE(CHECKSUM_AT) !== crc32(bytes.subarray(COUNT_AT))
  )
    return undefined;
  const waysAt =
    HEADER_BYTES + bytes.readUInt32LE(COUNT_AT) * RECORDED_NUMBERS * 8;
  const receipt = new Uint8Array(bytes.subarray(RECEIPT_AT, HEADER_BYTES));
  return {
    record: {
      dev: bytes.readDoubleLE(DEVICE_AT),
      // A copy, for doubles must be aligned.
      numbers: new Float64Array(
        new Uint8Array(bytes.subarray(HEADER_BYTES, waysAt)).buffer,
      ),
      ways: bytes.subarray(waysAt),
    },
    node: {
      type: 'directory',
      digest: B3Digest.fromBytes(
        new Uint8Array(bytes.subarray(DIGEST_AT, RECEIPT_AT)),
      ),
      size: bytes.readBigUInt64LE(SIZE_AT),
    },
    readMs: bytes.readDoubleLE(READ_AT),
    receipt: receipt.some((byte) => byte !== 0) ? receipt : undefined,
  };
}
