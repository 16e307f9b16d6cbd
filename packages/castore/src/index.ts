/** For users of a store. */
export { B3Digest } from './digest/b3-digest.ts';
export { DigestMap, DigestSet } from './digest/digest-map.ts';
export { createHasher, hashBytes, hasherName } from './digest/hasher.ts';
export type { Hasher } from './digest/hasher.ts';
export { CastoreError } from './errors.ts';
export type {
  CastoreErrorCode,
  CastoreErrorKind,
  CastoreErrorOptions,
} from './errors.ts';
export { Directory } from './node/directory.ts';
export { nodesEqual } from './node/node.ts';
export type {
  DirectoryNode,
  FileNode,
  NamedNode,
  Node,
  SymlinkNode,
} from './node/node.ts';
export { isSymlinkTarget, symlinkTarget } from './node/symlink-target.ts';
export type { SymlinkTarget } from './node/symlink-target.ts';
export {
  isPathComponent,
  pathComponent,
  quoteBytes,
} from './path/path-component.ts';
export type { PathComponent } from './path/path-component.ts';
export { splitPath } from './path/path.ts';
export type {
  BlobCapabilities,
  BlobFiller,
  BlobPlace,
  BlobReader,
  BlobService,
  BlobStat,
  BlobWriter,
  ByteRange,
  CallOptions,
  ChunkMeta,
  GetManyOptions,
  StatOptions,
} from './blob-service/blob-service.ts';
export { LocalBlobService } from './blob-service/local.ts';
export { MemoryBlobService } from './blob-service/memory.ts';
export type {
  DirectoryCapabilities,
  DirectoryPutter,
  DirectoryService,
} from './directory-service/directory-service.ts';
export { LocalDirectoryService } from './directory-service/local.ts';
export { MemoryDirectoryService } from './directory-service/memory.ts';
export { DEFAULT_CHUNKING } from './chunking/parameters.ts';
export type { ChunkingParameters } from './chunking/parameters.ts';
export { openLocalStore } from './local-store/open/open-local-store.ts';
export type { LocalStoreOptions } from './local-store/open/open-local-store.ts';
export type { LocalStore } from './local-store/local-store.ts';
export {
  collectGarbage,
  DEFAULT_GRACE_MS,
  MIN_GRACE_MS,
} from './local-store/collect/collect-garbage.ts';
export type {
  CollectedRecords,
  CollectOptions,
  CollectResult,
} from './local-store/collect/collect-garbage.ts';
export { StoredSize } from './local-store/collect/stored-size.ts';
export type {
  CollectProgress,
  OnCollectProgress,
} from './local-store/collect/collect-progress.ts';
export { RECEIPT_BYTES } from './local-store/receipts/receipts.ts';
export type { Receipts } from './local-store/receipts/receipts.ts';
export { ChainedStore } from './local-store/chained-store.ts';
export { QuietStore } from './local-store/read/quiet-store.ts';
export type { RecordStore } from './local-store/read/quiet-store.ts';
export { nodeUsedMs, useNode } from './local-store/usage/node-usage.ts';
export type { RewrittenPacks } from './local-store/collect/rewrite-packs.ts';
export { countLocalStore } from './local-store/stats.ts';
export type {
  LocalStoreStats,
  RecordCount,
  ScrubStats,
} from './local-store/stats.ts';
export type { Damage } from './local-store/verify/damage.ts';
export {
  repairLocalStore,
  repairOpenStore,
} from './local-store/verify/repair-store.ts';
export type {
  LostRecord,
  RepairResult,
} from './local-store/verify/repair-store.ts';
export { Scrub } from './local-store/verify/scrub.ts';
export type { ScrubOptions } from './local-store/verify/scrub.ts';
export type { ScrubPass } from './local-store/verify/scrub-state.ts';
export { verifyLocalStore } from './local-store/verify/verify-store.ts';
export type {
  VerifyOptions,
  VerifyProgress,
  VerifyResult,
} from './local-store/verify/verify-store.ts';
export type {
  Table,
  TableChange,
  TableRange,
} from './local-store/tables/tables.ts';
export {
  descendTo,
  requireDirectory,
  traverseBreadthFirst,
} from './directory-service/traverse.ts';
export type { DirectoryLookup } from './directory-service/traverse.ts';
export type {
  IngestEvent,
  IngestEvents,
  RegularFile,
  StoredFile,
  TreeEvent,
  TreeEvents,
} from './tree/event.ts';
export type { FileIdentity, KnownFiles } from './tree/known-files.ts';
export {
  changesFromDisk,
  treeFromDisk,
  treeFromDiskSync,
} from './tree/from-disk.ts';
export type { DiskTreeOptions } from './tree/from-disk.ts';
export { DiskRecorder, RECORDED_NUMBERS } from './tree/disk-record.ts';
export type { DiskRecord, DiskWitness } from './tree/disk-record.ts';
export { isDiskUnchanged } from './tree/is-disk-unchanged.ts';
export { ingestTree } from './tree/ingest.ts';
export type {
  IngestOptions,
  IngestServices,
  TreeProgress,
} from './tree/ingest.ts';
export { DirectoryLookahead } from './tree/directory-lookahead.ts';
export { readTree } from './tree/read-tree.ts';
export type { ReadTreeServices } from './tree/read-tree.ts';
export { readFile } from './tree/read-file.ts';
export { walkTree } from './tree/walk-tree.ts';
export type { StructureEvent } from './tree/walk-tree.ts';
export { treeToDisk } from './tree/to-disk.ts';
export type { TreeToDiskOptions } from './tree/to-disk.ts';

/** Addresses of stores. */
export { GRPC_SCHEMES, parseAddress } from './address/grammar.ts';
export type { Address } from './address/grammar.ts';
export { localAddressOpener } from './address/local.ts';
export { openMemoryAddress } from './address/memory.ts';
export { AddressRegistry, createRegistry } from './address/registry.ts';
export type { AddressOpener, OpenedServices } from './address/registry.ts';

/** For those who write a backend or a tree source. */
export { invalidAddress } from './address/grammar.ts';
export { compareBytes } from './digest/bytes.ts';
export { countPassingBytes } from './heap/passing-buffers.ts';
export { CASTORE_ERROR_KINDS } from './errors.ts';
export { openLibzstd } from './local-store/compression/libzstd.ts';
export type { LibraryFunctions } from './system-library.ts';
export { OrderValidator } from './directory-service/order-validator.ts';
export { SimplePutter } from './directory-service/simple-putter.ts';
