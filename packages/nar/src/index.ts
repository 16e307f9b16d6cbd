// For users.
export {
  type ContentAddress,
  formatContentAddress,
  parseContentAddress,
} from './content-address.ts';
export {
  NarError,
  type NarErrorCode,
  type NarErrorDetails,
  type NarErrorKind,
} from './errors.ts';
export type { NarEvent, ParsedNarEvent } from './event.ts';
export { fingerprint } from './fingerprint.ts';
export { listNar } from './list.ts';
export type { NarListerOptions } from './listing.ts';
export { formatNarInfo } from './narinfo-format.ts';
export { parseNarInfo } from './narinfo-parse.ts';
export type { NarInfo, NarInfoFlag, ParsedNarInfo } from './narinfo.ts';
export {
  type HashAlgo,
  type HashEncoding,
  isHashAlgo,
  NixHash,
} from './nix-hash.ts';
export { decodeNixBase32, encodeNixBase32 } from './nixbase32.ts';
export { parseNar } from './parse-stream.ts';
export type { NarParserOptions } from './parse.ts';
export { PublicKey } from './public-key.ts';
export { SecretKey } from './secret-key.ts';
export {
  formatSignature,
  type NarSignature,
  parseSignature,
} from './signature.ts';
export { type RandomAccess, skimNar } from './skim.ts';
export {
  buildCaPath,
  buildNarPath,
  buildOutputPath,
  buildTextPath,
  outputPlaceholder,
  type StorePathReferences,
} from './store-path-build.ts';
export { STORE_DIR, StorePath } from './store-path.ts';
export { writeNar } from './write-stream.ts';
export type { NarWriterOptions } from './write.ts';

// For library authors.
export {
  assertEntryName,
  assertEntryOrder,
  assertTarget,
  compareBytes,
} from './constraints.ts';
export {
  archiveSize,
  contentsOffset,
  directoryNodeSize,
  entriesOffset,
  entryNodeOffset,
  entrySize,
  regularNodeSize,
  rootNodeOffset,
  stringSize,
  symlinkNodeSize,
} from './encoded-size.ts';
export type { NarErrorOptions } from './errors.ts';
export { DEFAULT_NAR_LIMITS, type NarLimits } from './limits.ts';
export { NarLister } from './listing.ts';
export { nixBase32Length } from './nixbase32.ts';
export { NarParser } from './parse.ts';
export { sha256 } from './sha256.ts';
export { foldDigest } from './store-path-build.ts';
export { NarWriter } from './write.ts';
