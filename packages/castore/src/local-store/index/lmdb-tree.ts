/**
 * Follows the B+trees of an LMDB file (data version 2) without LMDB, which maps the file and dies where a page that a
 * tree leads to lies behind its end.
 *
 * A page begins with its number 8, transaction 8, padding 2, flags 2, end of the pointers 2, end of the free space 2; then
 * come pointers of two bytes to nodes, both counted from byte 24. A node of a branch has the number of the page below in
 * its bytes 0 to 5. One of a leaf has the length of the data 4, flags 2, length of the key 2, key, data; data on pages of
 * its own stands as first page 8, transaction 8, number of pages 8.
 */
import { nodeFileSystem, readFully } from '../file-system.ts';

const HEADER_BYTES = 24;
const FLAGS_AT = 18;
const POINTERS_END_AT = 20;
const NODE_BYTES = 8;

const BRANCH = 1;
const LEAF = 2;
const HAS_OWN_PAGES = 1;

/** The root of a tree without entries. */
const NO_PAGE = (1n << 64n) - 1n;

/** Whether every page that the trees lead to is one of the first `pageCount` of the file. */
export function liesWithin(
  fd: number,
  pageBytes: number,
  pageCount: number,
  roots: readonly bigint[],
): boolean {
  const page = Buffer.alloc(pageBytes);
  const waiting = roots.filter((root) => root !== NO_PAGE).map(Number);
  for (let seen = 0; waiting.length > 0; seen += 1) {
    const number = waiting.pop()!;
    // More pages than there are: the file isn't a tree.
    if (number >= pageCount || seen > pageCount) return false;
    if (readFully(nodeFileSystem, fd, page, number * pageBytes) < pageBytes)
      return false;
    const below = pagesBelow(page);
    if (below === undefined) return false;
    for (const { first, count } of below) {
      if (first + count > pageCount) return false;
      if (page.readUInt16LE(FLAGS_AT) === BRANCH) waiting.push(first);
    }
  }
  return true;
}

/** The pages that a page leads to; `undefined` where it is none of a tree. */
function pagesBelow(
  page: Buffer,
): { readonly first: number; readonly count: number }[] | undefined {
  const flags = page.readUInt16LE(FLAGS_AT);
  const end = HEADER_BYTES + page.readUInt16LE(POINTERS_END_AT);
  if ((flags !== BRANCH && flags !== LEAF) || end > page.length)
    return undefined;
  const below: { first: number; count: number }[] = [];
  for (let at = HEADER_BYTES; at < end; at += 2) {
    const node = HEADER_BYTES + page.readUInt16LE(at);
    if (node + NODE_BYTES > page.length) return undefined;
    if (flags === BRANCH)
      below.push({ first: page.readUIntLE(node, 6), count: 1 });
    else if ((page.readUInt16LE(node + 4) & HAS_OWN_PAGES) !== 0) {
      const data = node + NODE_BYTES + page.readUInt16LE(node + 6);
      if (data + 24 > page.length) return undefined;
      below.push({
        first: Number(page.readBigUInt64LE(data)),
        count: Number(page.readBigUInt64LE(data + 16)),
      });
    }
  }
  return below;
}
