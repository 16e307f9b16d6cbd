import { hashBytes } from '@tvix/castore';
import type { Node } from '@tvix/castore';

/** What an inode is. An executable file and another with the same contents are two inodes: their modes differ. */
export const KIND = {
  FREE: 0,
  DIRECTORY: 1,
  FILE: 2,
  EXECUTABLE: 3,
  SYMLINK: 4,
} as const;

/** One of {@link KIND}. */
export type InodeKind = (typeof KIND)[keyof typeof KIND];

/** The kind of inode that a node becomes. */
export function kindOf(node: Node): InodeKind {
  switch (node.type) {
    case 'directory':
      return KIND.DIRECTORY;
    case 'file':
      return node.executable ? KIND.EXECUTABLE : KIND.FILE;
    case 'symlink':
      return KIND.SYMLINK;
  }
}

/** 32 bytes that stand for a node's content: its digest, or that of a symlink's target. */
export function contentDigest(node: Node): Uint8Array {
  return node.type === 'symlink'
    ? hashBytes(node.target).bytes
    : node.digest.bytes;
}

/** What `stat` calls the size: the length of a file or target, the number of elements in and below a directory. */
export function nodeSize(node: Node): bigint {
  return node.type === 'symlink' ? BigInt(node.target.length) : node.size;
}

/** Always set in an inode number: keeps clear of 0, which listings hide, and of the root's 1. */
const HIGH_BIT = 0x100000;

/** The lower half of {@link inodeNumber}. */
export function inodeNumberLow(kind: number, digest: Uint8Array): number {
  // The empty directory and the empty file share a digest.
  return (word(digest, 0) ^ Math.imul(kind, 0x9e3779b1)) >>> 0;
}

/** The upper half of {@link inodeNumber}. */
export function inodeNumberHigh(digest: Uint8Array): number {
  return (word(digest, 4) & 0xfffff) | HIGH_BIT;
}

/**
 * `st_ino`: 53 bits of the content's digest, so that it is the same in every mount, whatever was forgotten meanwhile,
 * and a double holds it.
 */
export function inodeNumber(kind: number, digest: Uint8Array): number {
  return inodeNumberHigh(digest) * 0x100000000 + inodeNumberLow(kind, digest);
}

function word(bytes: Uint8Array, at: number): number {
  return (
    bytes[at]! |
    (bytes[at + 1]! << 8) |
    (bytes[at + 2]! << 16) |
    (bytes[at + 3]! << 24)
  );
}
