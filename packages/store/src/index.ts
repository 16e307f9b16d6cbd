/** For users of a store. */
export { StoreError } from './errors.ts';
export type {
  StoreErrorCode,
  StoreErrorKind,
  StoreErrorOptions,
} from './errors.ts';
export { PathInfo } from './path-info/path-info.ts';
export type {
  PathContentAddress,
  PathNarInfo,
  PathSignature,
} from './path-info/path-info.ts';
export { pathInfoFromNarInfo, pathInfoToNarInfo } from './path-info/narinfo.ts';
export { MemoryPathInfoService } from './path-info-service/memory.ts';
export type {
  PathInfoCapabilities,
  PathInfoService,
} from './path-info-service/path-info-service.ts';

/** For those who write a backend. */
export { STORE_ERROR_KINDS } from './errors.ts';
export {
  assertOutputHash,
  OUTPUT_HASH_BYTES,
} from './path-info/output-hash.ts';
