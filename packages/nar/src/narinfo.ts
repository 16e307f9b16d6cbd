import type { ContentAddress } from './content-address.ts';
import type { NarSignature } from './signature.ts';
import type { StorePath } from './store-path.ts';

/**
 * What a binary cache says about one store path: a `.narinfo` file. {@link fingerprint} tells which of it signatures
 * cover; the rest must not be trusted.
 */
export interface NarInfo {
  readonly storePath: StorePath;
  /** Where the archive lies, relative to the cache or absolute; not empty. */
  readonly url: string;
  /** How the file at `url` is compressed: `none`, `xz`, `zstd`, … */
  readonly compression: string;
  /** SHA-256 of the compressed file, 32 bytes. */
  readonly fileSha256?: Uint8Array;
  /** Bytes of the compressed file. */
  readonly fileSize?: bigint;
  /** SHA-256 of the archive, 32 bytes. */
  readonly narSha256: Uint8Array;
  /** Bytes of the archive. */
  readonly narSize: bigint;
  /** In the order of the file, which is sorted by basename in all proper ones; may include the path itself. */
  readonly references: readonly StorePath[];
  /** The derivation that the path was built from, its name without the `.drv` that the file shows. */
  readonly deriver?: StorePath;
  readonly system?: string;
  readonly signatures: readonly NarSignature[];
  readonly ca?: ContentAddress;
}

/**
 * What a file shows beyond its values: a field that is not known here; no `Compression`, which means bzip2; a `NarHash`
 * in hex; `References` that are not strictly ascending.
 */
export type NarInfoFlag =
  | 'unknown-field'
  | 'compression-default'
  | 'nar-hash-hex'
  | 'references-out-of-order';

/** A narinfo with what its file shows beyond its values. */
export interface ParsedNarInfo extends NarInfo {
  readonly flags: ReadonlySet<NarInfoFlag>;
}
