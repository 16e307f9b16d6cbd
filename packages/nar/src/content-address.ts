import { NarError } from './errors.ts';
import { isHashAlgo, NixHash } from './nix-hash.ts';
import { decodeNixBase32 } from './nixbase32.ts';

/**
 * What a store path's contents are known by: `text` is a file that may have references (sha256 of its contents), `flat` a
 * file (hash of its contents), `nar` any tree (hash of its archive).
 */
export interface ContentAddress {
  readonly method: 'text' | 'flat' | 'nar';
  readonly hash: NixHash;
}

/**
 * Reads `text:sha256:…`, `fixed:algo:…` (flat) or `fixed:r:algo:…` (nar). The digest is in nixbase32.
 *
 * @throws NarError `nar/invalid-content-address`
 */
export function parseContentAddress(text: string): ContentAddress {
  const [, prefix, algo, digest] =
    /^(text|fixed|fixed:r):([a-z0-9]+):([^:]*)$/.exec(text) ?? [];
  if (
    prefix === undefined ||
    algo === undefined ||
    digest === undefined ||
    !isHashAlgo(algo)
  ) {
    throw new NarError(
      'nar/invalid-content-address',
      `malformed content address: ${text}`,
    );
  }
  if (prefix === 'text' && algo !== 'sha256') {
    throw new NarError(
      'nar/invalid-content-address',
      `text is addressed by sha256 only: ${text}`,
    );
  }
  const method =
    prefix === 'text' ? 'text' : prefix === 'fixed' ? 'flat' : 'nar';
  try {
    return { method, hash: NixHash.from(algo, decodeNixBase32(digest)) };
  } catch (cause) {
    throw new NarError(
      'nar/invalid-content-address',
      `malformed digest in content address: ${text}`,
      { cause },
    );
  }
}

/** Writes what {@link parseContentAddress} reads. */
export function formatContentAddress(address: ContentAddress): string {
  const prefix = { text: 'text', flat: 'fixed', nar: 'fixed:r' }[
    address.method
  ];
  return `${prefix}:${address.hash.format('nixbase32')}`;
}
