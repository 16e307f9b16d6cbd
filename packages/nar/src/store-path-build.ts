import { ascii } from './ascii.ts';
import type { ContentAddress } from './content-address.ts';
import { NarError } from './errors.ts';
import { encodeHex } from './hex.ts';
import { NixHash } from './nix-hash.ts';
import { encodeNixBase32 } from './nixbase32.ts';
import { sha256 } from './sha256.ts';
import { STORE_DIR, StorePath } from './store-path.ts';

/** What a content-addressed store path refers to. */
export interface StorePathReferences {
  /** The other store paths, sorted: they are used in this order. */
  readonly references?: readonly StorePath[];
  /** Whether it refers to itself. */
  readonly self?: boolean;
}

/** Folds a digest to 20 bytes: byte i is XORed into byte i mod 20. */
export function foldDigest(digest: Uint8Array): Uint8Array {
  const folded = new Uint8Array(20);
  digest.forEach(
    (byte, i) => (folded[i % 20] = (folded[i % 20] as number) ^ byte),
  );
  return folded;
}

/**
 * The store path of contents known by their hash.
 *
 * @throws NarError `nar/invalid-reference` for references that this kind of content cannot have; `nar/invalid-store-path`
 *   for the name; `nar/invalid-content-address` for a text hash other than sha256
 */
export function buildCaPath(
  name: string,
  address: ContentAddress,
  refers: StorePathReferences = {},
): StorePath {
  const { references = [], self = false } = refers;
  const { method, hash } = address;
  if (method === 'text') {
    if (hash.algo !== 'sha256')
      throw new NarError(
        'nar/invalid-content-address',
        `text is addressed by sha256, not ${hash.algo}`,
      );
    if (self)
      throw new NarError(
        'nar/invalid-reference',
        'a text cannot refer to itself',
      );
    return buildPath(withReferences('text', references), hash.digest, name);
  }
  if (method === 'nar' && hash.algo === 'sha256') {
    const type = withReferences('source', references);
    return buildPath(self ? `${type}:self` : type, hash.digest, name);
  }
  if (references.length > 0 || self) {
    throw new NarError(
      'nar/invalid-reference',
      `contents addressed by ${method} ${hash.algo} cannot have references`,
    );
  }
  const inner = `fixed:out:${method === 'nar' ? 'r:' : ''}${hash.format('hex')}:`;
  return buildPath('output:out', sha256(ascii(inner)), name);
}

/** The store path of a text (`builtins.toFile`, a derivation) with its references. */
export function buildTextPath(
  name: string,
  contents: Uint8Array,
  references: readonly StorePath[] = [],
): StorePath {
  return buildCaPath(
    name,
    { method: 'text', hash: NixHash.from('sha256', sha256(contents)) },
    { references },
  );
}

/** The store path of a tree by the SHA-256 of its archive: the "source" kind, as an import makes it. */
export function buildNarPath(
  name: string,
  narSha256: Uint8Array,
  refers: StorePathReferences = {},
): StorePath {
  return buildCaPath(
    name,
    { method: 'nar', hash: NixHash.from('sha256', narSha256) },
    refers,
  );
}

/**
 * The store path of an input-addressed output: `derivationHash` is the 32-byte hash of the derivation, `name` the whole
 * name of the path (`hello-lib` for the output `lib` of `hello`).
 */
export function buildOutputPath(
  name: string,
  derivationHash: Uint8Array,
  outputName: string,
): StorePath {
  return buildPath(
    `output:${outputName}`,
    NixHash.from('sha256', derivationHash).digest,
    name,
  );
}

/** The text that stands for an output's path inside its own derivation. */
export function outputPlaceholder(outputName: string): string {
  return `/${encodeNixBase32(sha256(ascii(`nix-output:${outputName}`)))}`;
}

function withReferences(
  type: string,
  references: readonly StorePath[],
): string {
  return [
    type,
    ...references.map((reference) => reference.toAbsolutePath()),
  ].join(':');
}

function buildPath(
  type: string,
  innerSha256: Uint8Array,
  name: string,
): StorePath {
  // The name goes into the fingerprint, so it is checked before anything is hashed.
  StorePath.fromNameAndDigest(name, new Uint8Array(20));
  const fingerprint = `${type}:sha256:${encodeHex(innerSha256)}:${STORE_DIR}:${name}`;
  return StorePath.fromNameAndDigest(
    name,
    foldDigest(sha256(ascii(fingerprint))),
  );
}
