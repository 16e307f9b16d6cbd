import { inodeNumberHigh, inodeNumberLow, KIND } from './inode-identity.ts';
import type { InodeKind } from './inode-identity.ts';
import { LENGTH, ROOT_ID, S_IFDIR, S_IFLNK, S_IFREG } from './fuse/protocol.ts';
import type { ReplyBuffer } from './fuse/reply.ts';

/** How long the kernel may trust what can never change: a year, in seconds. */
export const FOREVER_SECONDS: number = 365 * 24 * 60 * 60;

/** `st_blksize`: what programs read and write at a time when they ask. */
export const BLOCK_SIZE = 4096;

/** What `stat` says of a node, as far as nodes differ: everything belongs to root and dates from the epoch. */
export interface Attributes {
  readonly kind: InodeKind;
  /** 32 bytes that stand for the content. */
  readonly digest: Uint8Array;
  readonly size: bigint;
}

/** The type and permissions of each kind of inode. */
export function modeOf(kind: InodeKind): number {
  switch (kind) {
    case KIND.DIRECTORY:
      return S_IFDIR | 0o555;
    case KIND.EXECUTABLE:
      return S_IFREG | 0o555;
    case KIND.SYMLINK:
      return S_IFLNK | 0o444;
    default:
      return S_IFREG | 0o444;
  }
}

/** How many units of 512 bytes a node takes: what `du` adds up. Only the contents of files count. */
export function blocksOf(kind: InodeKind, size: bigint): bigint {
  return kind === KIND.FILE || kind === KIND.EXECUTABLE
    ? (size + 511n) >> 9n
    : 0n;
}

/** Writes the 88 bytes of a `fuse_attr`. */
export function writeAttributes(
  { bytes, view }: ReplyBuffer,
  at: number,
  { kind, digest, size }: Attributes,
): void {
  bytes.fill(0, at, at + LENGTH.ATTR);
  view.setUint32(at, inodeNumberLow(kind, digest), true);
  view.setUint32(at + 4, inodeNumberHigh(digest), true);
  view.setBigUint64(at + 8, size, true);
  view.setBigUint64(at + 16, blocksOf(kind, size), true);
  view.setUint32(at + 60, modeOf(kind), true);
  // One link: for a directory that means "not known" to `find`, which then looks for itself.
  view.setUint32(at + 64, 1, true);
  view.setUint32(at + 80, BLOCK_SIZE, true);
}

/** Writes the attributes of the root, which has no content of its own. */
export function writeRootAttributes(
  { bytes, view }: ReplyBuffer,
  at: number,
): void {
  bytes.fill(0, at, at + LENGTH.ATTR);
  view.setUint32(at, ROOT_ID, true);
  view.setUint32(at + 60, S_IFDIR | 0o555, true);
  view.setUint32(at + 64, 1, true);
  view.setUint32(at + 80, BLOCK_SIZE, true);
}

/**
 * Writes the 128 bytes of a `fuse_entry_out`. Nodeid 0 makes a negative entry, which the kernel may remember too.
 */
export function writeEntry(
  reply: ReplyBuffer,
  at: number,
  nodeid: number,
  attributes: Attributes | undefined,
  validSeconds: number,
): void {
  reply.bytes.fill(0, at, at + LENGTH.ENTRY_OUT);
  reply.setUint64(at, nodeid);
  reply.setTime(at + 16, at + 32, validSeconds);
  reply.setTime(at + 24, at + 36, FOREVER_SECONDS);
  if (attributes !== undefined) writeAttributes(reply, at + 40, attributes);
}
