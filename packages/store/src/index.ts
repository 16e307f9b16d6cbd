/** For users of a store. */
export { localStoreAddressOpener } from './address/local.ts';
export { openMemoryStoreAddress } from './address/memory.ts';
export type { OpenedStoreServices } from './address/opened-store.ts';
export { closureOf } from './copy/closure.ts';
export { copyPaths } from './copy/copy-paths.ts';
export type { CopiedPath, CopyOptions } from './copy/copy-paths.ts';
export { StoreError } from './errors.ts';
export type {
  StoreErrorCode,
  StoreErrorKind,
  StoreErrorOptions,
} from './errors.ts';
export { FileCache } from './import/file-cache.ts';
export { KnownTrees } from './import/known-trees.ts';
export type { KnownTreesOptions, TreeToKnow } from './import/known-trees.ts';
export { importPath } from './import/import-path.ts';
export type { ImportOptions, KnownImports } from './import/import-path.ts';
export type {
  CollectStoreOptions,
  CollectStoreResult,
} from './local-care/collect.ts';
export { parsePinTarget } from './local-care/pins.ts';
export type { Pin, PinTarget } from './local-care/pins.ts';
export type {
  DeletedPaths,
  DeletePathsOptions,
} from './local-care/delete-paths.ts';
export type {
  PathDamage,
  VerifyStoreOptions,
  VerifyStoreProgress,
  VerifyStoreResult,
} from './local-care/verify.ts';
export type { StoreStats } from './local-care/stats.ts';
export { CachedNarCalculation } from './nar/cached-calculation.ts';
export { MemoryNarCalculationCache } from './nar/calculation-cache.ts';
export type {
  NarCalculation,
  NarCalculationService,
} from './nar/calculation.ts';
export { ingestNar } from './nar/ingest.ts';
export type { NarIngestion } from './nar/ingest.ts';
export { LocalNarCalculationCache } from './nar/local-calculation-cache.ts';
export { renderNar } from './nar/render.ts';
export type { RenderOptions } from './nar/render-source.ts';
export type { RenderSource } from './nar/render-source.ts';
export { RenderBuffers } from './nar/render-buffers.ts';
export { RenderingNarCalculation } from './nar/rendering-calculation.ts';
export type { TreeStorage } from './nar/tree-storage.ts';
export { localTreeUpload } from './nar/tree-upload.ts';
export type { TreeUpload } from './nar/tree-upload.ts';
export { fromPathContentAddress } from './path-info/content-address.ts';
export { pathInfoFromNarInfo, pathInfoToNarInfo } from './path-info/narinfo.ts';
export { PathInfo } from './path-info/path-info.ts';
export type {
  PathContentAddress,
  PathNarInfo,
  PathSignature,
} from './path-info/path-nar-info.ts';
export { LocalPathInfoService } from './path-info-service/local.ts';
export { MemoryPathInfoService } from './path-info-service/memory.ts';
export type {
  PathInfoCapabilities,
  PathInfoService,
} from './path-info-service/path-info-service.ts';
export { PathInfoRootNodes } from './root-nodes.ts';
export type { Store } from './store.ts';
export { LocalStoreCare } from './store-care/local.ts';
export type { LocalStoreCareOptions } from './store-care/local.ts';
export type { RepairStoreResult, StoreCare } from './store-care/store-care.ts';

/** For those who write a backend. */
export { STORE_ERROR_KINDS } from './errors.ts';
export type { NarCalculationCache } from './nar/calculation-cache.ts';
export { NarDigester } from './nar/digester.ts';
export {
  assertOutputHash,
  OUTPUT_HASH_BYTES,
} from './path-info/output-hash.ts';
