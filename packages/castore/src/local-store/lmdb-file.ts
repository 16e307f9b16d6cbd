import fs from 'node:fs';
import { CastoreError } from '../errors.ts';

/** The page size that the index is made with. */
export const LMDB_PAGE_BYTES = 4096;

const META_PAGES = 2;
const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;

// In a meta page of the liblmdb that lmdb-js brings along (data version 2).
const MAGIC_AT = 24;
const VERSION_AT = 28;
const PAGE_SIZE_AT = 48;
const LAST_PAGE_AT = 144;
const TRANSACTION_AT = 152;

/**
 * Looks at a database file before LMDB does: it maps the file, and kills the process where that is shorter than the
 * newest meta page says (SIGBUS) or begins with something else (SIGSEGV, lmdb-js 3.5.6).
 *
 * LMDB may leave out free pages at the very end; a sound file like that is refused, too, and costs one rebuild.
 *
 * @throws CastoreError `castore/corrupt-store`
 */
export function assertLmdbFile(file: string): void {
  const bytes = Buffer.alloc(META_PAGES * LMDB_PAGE_BYTES);
  const fd = fs.openSync(file, 'r');
  let size: number;
  try {
    size = fs.fstatSync(fd).size;
    fs.readSync(fd, bytes, 0, bytes.length, 0);
  } finally {
    fs.closeSync(fd);
  }
  let newest = -1n;
  let lastPage = 0n;
  for (let at = 0; at < bytes.length; at += LMDB_PAGE_BYTES) {
    if (
      bytes.readUInt32LE(at + MAGIC_AT) !== MAGIC ||
      bytes.readUInt32LE(at + VERSION_AT) !== DATA_VERSION ||
      bytes.readUInt32LE(at + PAGE_SIZE_AT) !== LMDB_PAGE_BYTES
    )
      throw new CastoreError(
        'castore/corrupt-store',
        `${file} is no index of this program`,
      );
    const transaction = bytes.readBigUInt64LE(at + TRANSACTION_AT);
    if (transaction > newest) {
      newest = transaction;
      lastPage = bytes.readBigUInt64LE(at + LAST_PAGE_AT);
    }
  }
  if (BigInt(size) < (lastPage + 1n) * BigInt(LMDB_PAGE_BYTES))
    throw new CastoreError('castore/corrupt-store', `${file} is cut off`);
}
