// For users.
export {
  NarError,
  type NarErrorCode,
  type NarErrorDetails,
  type NarErrorKind,
} from './errors.ts';
export type { NarEvent, ParsedNarEvent } from './event.ts';
export { listNar } from './list.ts';
export { parseNar } from './parse-stream.ts';
export { type RandomAccess, skimNar } from './skim.ts';
export { writeNar } from './write-stream.ts';

// For library authors.
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
export { NarLister, type NarListerOptions } from './listing.ts';
export { NarParser, type NarParserOptions } from './parse.ts';
export { NarWriter, type NarWriterOptions } from './write.ts';
