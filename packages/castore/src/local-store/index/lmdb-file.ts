import fs from 'node:fs';
import { CastoreError } from '../../errors.ts';
import { liesWithin } from './lmdb-tree.ts';

/** The page size that the index is made with. */
export const LMDB_PAGE_BYTES = 4096;

const META_PAGES = 2;
const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;

// In a meta page of the liblmdb that lmdb-js brings along (data version 2).
const MAGIC_AT = 24;
const VERSION_AT = 28;
const PAGE_SIZE_AT = 48;
const ROOTS_AT = [88, 136];
const LAST_PAGE_AT = 144;
const TRANSACTION_AT = 152;

/**
 * Looks at a database file before LMDB does: it maps the file, and kills the process where a page that it needs lies behind
 * the end (SIGBUS) or the file begins with something else (SIGSEGV, lmdb-js 3.5.6).
 *
 * A sound file may be shorter than its newest meta page says: LMDB doesn't write pages that were taken from the very end
 * and given back in one transaction. Then the trees tell whether anything is missing.
 *
 * @throws CastoreError `castore/corrupt-store`
 */
export function assertLmdbFile(file: string): void {
  const fd = fs.openSync(file, 'r');
  try {
    const meta = newestMeta(fd);
    if (meta === undefined) {
      throw new CastoreError(
        'castore/corrupt-store',
        `${file} is no index of this program`,
      );
    }
    const pageCount = Math.floor(fs.fstatSync(fd).size / LMDB_PAGE_BYTES);
    if (
      pagesOf(meta) <= pageCount ||
      liesWithin(
        fd,
        LMDB_PAGE_BYTES,
        pageCount,
        ROOTS_AT.map((at) => meta.readBigUInt64LE(at)),
      )
    )
      return;
  } finally {
    fs.closeSync(fd);
  }
  throw new CastoreError('castore/corrupt-store', `${file} is cut off`);
}

/**
 * Makes a file as long as its newest meta page says, so that the next open needn't look at its trees. LMDB must not be
 * writing to it. A file system that refuses costs that look and no more.
 */
export function fillLmdbFile(fd: number): void {
  try {
    const meta = newestMeta(fd);
    if (meta === undefined) return;
    const bytes = pagesOf(meta) * LMDB_PAGE_BYTES;
    if (fs.fstatSync(fd).size < bytes) fs.ftruncateSync(fd, bytes);
  } catch {
    // What LMDB committed is whole as it is.
  }
}

/** Read after each commit. */
const metaPages = Buffer.alloc(META_PAGES * LMDB_PAGE_BYTES);

/** The meta page of the last transaction, valid until the next call; `undefined` where one of them isn't of this program. */
function newestMeta(fd: number): Buffer | undefined {
  const bytes = metaPages.fill(0);
  fs.readSync(fd, bytes, 0, bytes.length, 0);
  const metas = [
    bytes.subarray(0, LMDB_PAGE_BYTES),
    bytes.subarray(LMDB_PAGE_BYTES),
  ] as const;
  for (const meta of metas) {
    if (
      meta.readUInt32LE(MAGIC_AT) !== MAGIC ||
      meta.readUInt32LE(VERSION_AT) !== DATA_VERSION ||
      meta.readUInt32LE(PAGE_SIZE_AT) !== LMDB_PAGE_BYTES
    )
      return undefined;
  }
  const [first, second] = metas;
  return first.readBigUInt64LE(TRANSACTION_AT) >
    second.readBigUInt64LE(TRANSACTION_AT)
    ? first
    : second;
}

/** As many pages as there are, the free ones included. */
function pagesOf(meta: Buffer): number {
  return Number(meta.readBigUInt64LE(LAST_PAGE_AT)) + 1;
}
