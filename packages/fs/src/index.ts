/** For those who show a tree. */
export { FsError } from './errors.ts';
export type {
  FsErrorCode,
  FsErrorOptions,
  MountErrorCode,
  PosixErrorCode,
  VirtiofsErrorCode,
} from './errors.ts';
export { rootNodesFromDirectory, rootNodesFromEntries } from './root-nodes.ts';
export type { RootNodes } from './root-nodes.ts';
export { ReadOnlyFs } from './read-only-fs/read-only-fs.ts';
export type {
  PathLike,
  ReadOnlyFsOptions,
} from './read-only-fs/read-only-fs.ts';
export type { OpenFile, ReadRange } from './read-only-fs/open-file.ts';
export type { Dirent, FileType, Stats } from './read-only-fs/stats.ts';

/** For those who bring the protocol over another transport. */
export { CastoreFs } from './castore-fs.ts';
export type { CastoreFsOptions, ViewOptions } from './castore-fs.ts';
export { ServiceBlobSource } from './blob-source.ts';
export type { BlobSource, ReadableBlobs } from './blob-source.ts';
export type { BlobRef } from './blob-cache.ts';
export type { FileOpener, OpenedFile } from './file-opener.ts';
export type { Spill } from './spill.ts';
export type { Respond } from './fuse/call.ts';
