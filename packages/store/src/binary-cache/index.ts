/** A Nix binary cache over a store, its signatures, and paths fetched from other binary caches. */
export { BinaryCache } from './binary-cache.ts';
export type { CacheInfoOptions } from './cache-info.ts';
export type {
  BinaryCacheOptions,
  BinaryCacheServices,
  UploadLimits,
} from './context.ts';
export { createBinaryCacheServer } from './http-server.ts';
export type { BinaryCacheServerOptions } from './http-server.ts';
export type { ServedRequest } from './served-request.ts';
export type { ServerLimits } from './server-limits.ts';
export { localUploads } from './upload-storage.ts';
export type { UploadStorage } from './upload-storage.ts';
export type { CacheServer, TlsFiles } from './server-sockets.ts';
export { MemoryCacheTable } from './table.ts';
export type { CacheTable, CacheTables } from './table.ts';
export { localCacheTables, memoryCacheTables } from './tables.ts';
export { openAccess, TokenAccess } from './tokens.ts';
export type { Access, Scope } from './tokens.ts';
export { sweepCacheTables } from '../local-care/cache-tables.ts';
export type { ServedStore } from '../local-care/cache-tables.ts';
export { localPathHolds } from '../local-care/held-paths.ts';
export type { FileOutcome, UnpackOptions } from '../unpacking/packed-file.ts';
export type { Unpacked, Unpacker, Unpacking } from '../unpacking/unpack.ts';
export { UnpackingThreads } from '../unpacking/unpacking-threads.ts';
export type { UnpackingThreadsOptions } from '../unpacking/unpacking-threads.ts';
export { warmUp } from './warm-up.ts';
export { Netrc } from '../path-info-service/netrc.ts';
export { NixHttpPathInfoService } from '../path-info-service/nix-http.ts';
export type {
  NixHttpOptions,
  Substitute,
} from '../path-info-service/nix-http.ts';
export { withoutLogin } from '../path-info-service/without-login.ts';
export {
  PathSigner,
  SigningPathInfoService,
} from '../path-info-service/signing.ts';
export { SubstitutingPathInfoService } from '../path-info-service/substituting.ts';
export { Substituter } from '../substitution/substituter.ts';
export type { SubstituterOptions } from '../substitution/substituter.ts';
export { Upstream } from '../substitution/upstream.ts';
export type {
  UpstreamCache,
  UpstreamOptions,
} from '../substitution/upstream.ts';
