import { base64Length, decodeBase64, encodeBase64 } from './base64.ts';
import { NarError } from './errors.ts';
import { decodeHex, encodeHex } from './hex.ts';
import {
  decodeNixBase32,
  encodeNixBase32,
  nixBase32Length,
} from './nixbase32.ts';

/** The hash algorithms of Nix. */
export type HashAlgo = 'md5' | 'sha1' | 'sha256' | 'sha512';

/** How a digest is written after `algo:`. */
export type HashEncoding = 'hex' | 'nixbase32' | 'base64';

const DIGEST_BYTES: Readonly<Record<HashAlgo, number>> = {
  md5: 16,
  sha1: 20,
  sha256: 32,
  sha512: 64,
};

/** Whether `text` names a hash algorithm of Nix. */
export function isHashAlgo(text: string): text is HashAlgo {
  return Object.hasOwn(DIGEST_BYTES, text);
}

/** A digest and its algorithm, of the right length. */
export class NixHash {
  readonly algo: HashAlgo;
  /** 16, 20, 32 or 64 bytes; not to be modified. */
  readonly digest: Uint8Array;

  private constructor(algo: HashAlgo, digest: Uint8Array) {
    this.algo = algo;
    this.digest = digest;
  }

  /**
   * Names the algorithm of a digest.
   *
   * @throws NarError `nar/invalid-hash` with the reason `InvalidAlgo` or `InvalidDigestLength`
   */
  static from(algo: HashAlgo, digest: Uint8Array): NixHash {
    if (!isHashAlgo(algo))
      throw invalid('InvalidAlgo', `unknown hash algorithm: ${String(algo)}`);
    if (digest.length !== DIGEST_BYTES[algo]) {
      throw invalid(
        'InvalidDigestLength',
        `${algo} digest has ${digest.length} bytes, expected ${DIGEST_BYTES[algo]}`,
      );
    }
    return new NixHash(algo, digest);
  }

  /**
   * Reads `algo:digest`, `algo-digest` (SRI) or, given its algorithm, a bare digest. The digest's length tells its
   * encoding: lower-case hex, nixbase32 or padded base64; SRI may leave out the padding.
   *
   * @throws NarError `nar/invalid-hash` with the reason `MissingInlineHashAlgo`, `ConflictingHashAlgos`, `InvalidAlgo`,
   *   `InvalidEncodedDigestLength` or `InvalidEncoding`
   */
  static parse(text: string, algo?: HashAlgo): NixHash {
    const [, inline, separator, rest] =
      /^([^:-]*)([:-])(.*)$/s.exec(text) ?? [];
    const named = inline ?? algo;
    if (named === undefined)
      throw invalid(
        'MissingInlineHashAlgo',
        `hash does not name its algorithm: ${text}`,
      );
    if (!isHashAlgo(named))
      throw invalid('InvalidAlgo', `unknown hash algorithm: ${named}`);
    if (algo !== undefined && algo !== named) {
      throw invalid(
        'ConflictingHashAlgos',
        `expected a ${algo} hash, found ${named}`,
      );
    }
    return new NixHash(
      named,
      decodeDigest(named, rest ?? text, separator === '-'),
    );
  }

  /** `algo:digest`. */
  format(encoding: HashEncoding): string {
    switch (encoding) {
      case 'hex':
        return `${this.algo}:${encodeHex(this.digest)}`;
      case 'nixbase32':
        return `${this.algo}:${encodeNixBase32(this.digest)}`;
      case 'base64':
        return `${this.algo}:${encodeBase64(this.digest)}`;
    }
  }

  /** `algo-digest` in padded base64, as in subresource integrity. */
  toSri(): string {
    return `${this.algo}-${encodeBase64(this.digest)}`;
  }

  equals(other: NixHash): boolean {
    return (
      this.algo === other.algo &&
      this.digest.every((byte, i) => byte === other.digest[i])
    );
  }
}

function decodeDigest(
  algo: HashAlgo,
  text: string,
  isSri: boolean,
): Uint8Array {
  const bytes = DIGEST_BYTES[algo];
  const padding = '='.repeat((3 - (bytes % 3)) % 3);
  try {
    switch (text.length) {
      case 2 * bytes: {
        const digest = decodeHex(text);
        if (digest === undefined)
          throw invalid(
            'InvalidEncoding',
            `digest is not lower-case hex: ${text}`,
          );
        return digest;
      }
      case nixBase32Length(bytes):
        return decodeNixBase32(text, bytes);
      case base64Length(bytes):
        return decodeBase64Digest(text, bytes);
      case base64Length(bytes) - padding.length:
        if (isSri) return decodeBase64Digest(text + padding, bytes);
    }
  } catch (cause) {
    throw invalid(
      'InvalidEncoding',
      `malformed ${algo} digest: ${text}`,
      cause,
    );
  }
  throw invalid(
    'InvalidEncodedDigestLength',
    `${algo} digest has ${text.length} characters: ${text}`,
  );
}

function decodeBase64Digest(text: string, bytes: number): Uint8Array {
  const digest = decodeBase64(text);
  if (digest.length !== bytes)
    throw invalid(
      'InvalidEncoding',
      `digest has ${digest.length} bytes, expected ${bytes}`,
    );
  return digest;
}

function invalid(reason: string, message: string, cause?: unknown): NarError {
  return new NarError(
    'nar/invalid-hash',
    message,
    cause === undefined
      ? { details: { reason } }
      : { details: { reason }, cause },
  );
}
