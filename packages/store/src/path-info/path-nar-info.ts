import type { StorePath } from '@tvix/nar';

/** An Ed25519 signature by a named key over the fingerprint of a path. Neither is checked here. */
export interface PathSignature {
  readonly name: string;
  /** 64 bytes where the signature is sound. */
  readonly data: Uint8Array;
}

/** How a content-addressed path got its address. */
export interface PathContentAddress {
  /** A value of `NARInfo.CA.Hash`, or a number that a newer peer gave a meaning to. */
  readonly type: number;
  /** The raw digest, as long as its algorithm wants where the address is sound. */
  readonly digest: Uint8Array;
}

/** What a narinfo says of a path, its store path aside. */
export interface PathNarInfo {
  /** The size of the NAR in bytes. Unsigned, 64 bits. */
  readonly narSize: bigint;
  /** The SHA-256 of the NAR: 32 bytes. */
  readonly narSha256: Uint8Array;
  readonly signatures: readonly PathSignature[];
  /** The paths referred to. */
  readonly references: readonly StorePath[];
  /** The derivation that made the path, its name without one trailing `.drv`. */
  readonly deriver: StorePath | undefined;
  readonly ca: PathContentAddress | undefined;
}
