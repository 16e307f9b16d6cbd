/**
 * The FUSE protocol, version 7, as Linux speaks it: operation codes, flags, lengths of its messages.
 *
 * All integers are little endian, all messages 8-aligned. Offsets of fields stand where they are read or written.
 */

/** The version that we speak; an older kernel's minor is accepted down to {@link OLDEST_MINOR}. */
export const MAJOR = 7;
export const MINOR = 41;
/** The first with 64-byte INIT replies, READDIRPLUS and all else that is relied on (Linux 4.20). */
export const OLDEST_MINOR = 28;

/** What a request asks for. */
export const OP = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  SETXATTR: 21,
  GETXATTR: 22,
  LISTXATTR: 23,
  REMOVEXATTR: 24,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  CREATE: 35,
  INTERRUPT: 36,
  DESTROY: 38,
  NOTIFY_REPLY: 41,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  READDIRPLUS: 44,
  RENAME2: 45,
  COPY_FILE_RANGE: 47,
  TMPFILE: 51,
} as const;

/** Bits of INIT's `flags`. */
export const INIT_FLAG = {
  ASYNC_READ: 0x1,
  DO_READDIRPLUS: 0x2000,
  ASYNC_DIO: 0x8000,
  NO_OPEN_SUPPORT: 0x20000,
  PARALLEL_DIROPS: 0x40000,
  MAX_PAGES: 0x400000,
  CACHE_SYMLINKS: 0x800000,
  EXPLICIT_INVAL_DATA: 0x2000000,
  INIT_EXT: 0x40000000,
} as const;

/** Bits of INIT's `flags2`, which holds the bits from 32 on: here bit 37. */
export const INIT_FLAG2 = { PASSTHROUGH: 0x20 } as const;

/** Bits of `open_flags` in replies to OPEN and OPENDIR. */
export const FOPEN = {
  KEEP_CACHE: 0x2,
  CACHE_DIR: 0x8,
  NOFLUSH: 0x20,
  PASSTHROUGH: 0x80,
} as const;

/** Lengths of messages and parts of messages, in bytes. */
export const LENGTH = {
  IN_HEADER: 40,
  OUT_HEADER: 16,
  INIT_OUT: 64,
  ATTR: 88,
  ENTRY_OUT: 128,
  ATTR_OUT: 104,
  OPEN_OUT: 16,
  KSTATFS: 80,
  DIRENT: 24,
  DIRENTPLUS: 152,
  GETXATTR_OUT: 8,
} as const;

/** The nodeid of the root. */
export const ROOT_ID = 1;

/** The longest name that the kernel takes from a file system; it calls a listing with a longer one broken. */
export const NAME_MAX = 1024;

/** Pages that one READ may ask for: 1 MiB. */
export const MAX_PAGES = 256;
/** As much as a reply carries beside its header. */
export const MAX_REPLY_BYTES: number = MAX_PAGES * 4096;
/** As much as a WRITE would carry: the least there is, since it decides how large a buffer the kernel wants to see. */
export const MAX_WRITE = 4096;
/** The kernel refuses to be read with a buffer smaller than max(8192, header + {@link MAX_WRITE}). */
export const REQUEST_BUFFER_BYTES: number = 12 * 1024;

/** File types in the upper bits of a mode. */
export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;

/** The length of a directory entry with its name, rounded up to 8. */
export function padded(length: number): number {
  return (length + 7) & ~7;
}
