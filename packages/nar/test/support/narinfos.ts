import { vectors } from './fixtures.ts';

interface NarInfoVectors {
  readonly records: Readonly<
    Record<
      | 'hello'
      | 'tarball'
      | 'glog'
      | 'curl'
      | 'texlive'
      | 'hexHash'
      | 'unordered',
      string
    >
  >;
  readonly curlFingerprint: string;
  readonly keys: { readonly cache: string; readonly test1: string };
  /** A secret key that Nix 2.8.0 generated, its public key as Nix printed it, and a fingerprint that Nix signed with it. */
  readonly nix: {
    readonly secret: string;
    readonly publicKey: string;
    readonly text: string;
    readonly signature: string;
  };
}

/**
 * Records of cache.nixos.org and what follows from them. `hello`, `tarball`, `glog` and `curl` carry genuine signatures;
 * fields outside a signature were filled in where only the signed ones are known.
 */
export const NARINFOS: NarInfoVectors = vectors<NarInfoVectors>('narinfos');
