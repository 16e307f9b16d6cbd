import type { BlobService, DirectoryService } from '@tvix/castore';
import type { PublicKey } from '@tvix/nar';
import type { NarCalculationService } from '../nar/calculation.ts';
import type { RenderBuffers } from '../nar/render-buffers.ts';
import type { NarSizes } from '../nar/sizes.ts';
import type { PathInfo } from '../path-info/path-info.ts';
import type { PathInfoService } from '../path-info-service/path-info-service.ts';
import type { PathSigner } from '../path-info-service/signing.ts';
import type { Substituter } from '../substitution/substituter.ts';
import type { Unpacker } from '../unpacking/unpack.ts';
import type { CacheInfoOptions } from './cache-info.ts';
import type { CacheTables } from './table.ts';
import type { Reply } from './reply.ts';
import type { ArrivingNars } from './arriving-nars.ts';
import type { KnownPaths } from './face/known-paths.ts';
import type { SharedAnswers } from './face/shared-answers.ts';
import type { UploadStorage } from './upload-storage.ts';
import type { Turns } from './turns.ts';

/** What a binary cache serves and writes to. */
export interface BinaryCacheServices {
  readonly pathInfos: PathInfoService;
  readonly blobs: BlobService;
  readonly directories: DirectoryService;
  readonly narCalculation: NarCalculationService;
  readonly tables: CacheTables;
  /** Where uploads go, in place of the services and tables themselves, which answer when each thing is durable. */
  readonly openUpload?: () => UploadStorage;
  /**
   * Holds paths, by their output hashes, from before they are looked at until a path that needs them is registered; answers
   * with what lets go of them. Where left out, whoever removes paths from this store isn't in this process.
   */
  readonly holdPaths?: (
    outputHashes: readonly Uint8Array[],
  ) => Promise<() => void>;
  /** Unpacks what is uploaded; in threads of its own where left out. */
  readonly unpacker?: Unpacker;
  /** Finds and fetches what isn't here. */
  readonly substituter?: Pick<Substituter, 'find' | 'fetch' | 'openNar'>;
}

/** Bounds of what is taken from outside. */
export interface UploadLimits {
  /** Bytes of a NAR. 64 GiB where left out. */
  readonly maxNarBytes?: number;
  /** Bytes that one byte of a compressed file may become, once it has become 256 MiB. 2000 where left out. */
  readonly maxRatio?: number;
}

/** How a binary cache behaves. */
export interface BinaryCacheOptions extends CacheInfoOptions {
  /** Signs what was uploaded and verified, and what is served and can be verified. */
  readonly signer?: PathSigner;
  /** The keys whose signatures count. */
  readonly trustedKeys?: readonly PublicKey[];
  /** Whether an upload needs a signature by a trusted key, or contents that its path is addressed by. */
  readonly requireTrustedSignature?: boolean;
  readonly limits?: UploadLimits;
  /** The address that people are told. */
  readonly publicUrl?: string;
}

/** What the resources share. */
export interface CacheContext extends BinaryCacheServices {
  readonly sizes: NarSizes;
  /** What NARs are rendered into. */
  readonly buffers: RenderBuffers;
  /** One commit at a time for each key: of two that add signatures, none loses its own. */
  readonly commits: Turns;
  readonly arriving: ArrivingNars;
  readonly unpacker: Unpacker;
  /** Narinfos as they were answered. What a path info says never changes, and neither does how it is signed here. */
  readonly narInfoReplies: WeakMap<PathInfo, Reply>;
  /** What the pages say that the store holds. */
  readonly knownPaths: SharedAnswers<KnownPaths>;
  /** What the pages say of closures, by the hash of the path. */
  readonly closureTexts: SharedAnswers<string>;
  readonly options: BinaryCacheOptions;
}
