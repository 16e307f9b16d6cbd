import { ascii } from './ascii.ts';
import {
  isCanonicalScalar,
  isStrictCommitment,
  isStrictPoint,
} from './ed25519-point.ts';
import { type Ed25519Key, importPublicKey, verify } from './ed25519.ts';
import { NarError } from './errors.ts';
import {
  assertKeyName,
  formatNamedBytes,
  parseNamedBytes,
} from './named-bytes.ts';
import type { NarSignature } from './signature.ts';

/** A named Ed25519 key that signatures are verified with: `name:base64` of 32 bytes. */
export class PublicKey {
  readonly name: string;
  /** 32 bytes; not to be modified. */
  readonly bytes: Uint8Array;
  #imported: Promise<Ed25519Key> | undefined;

  private constructor(name: string, bytes: Uint8Array) {
    this.name = name;
    this.bytes = bytes;
  }

  /**
   * Reads `name:base64`.
   *
   * @throws NarError `nar/invalid-key` with the reason `MissingSeparator`, `InvalidName`, `InvalidVerifyingKeyLen`,
   *   `DecodeError`, or `InvalidVerifyingKey` when the bytes encode no point that strict verification accepts
   */
  static parse(text: string): PublicKey {
    const { name, bytes } = parseNamedBytes(
      'nar/invalid-key',
      text,
      32,
      'InvalidVerifyingKeyLen',
    );
    return PublicKey.from(name, bytes);
  }

  /** Names the 32 bytes of a key. Throws as {@link parse} does. */
  static from(name: string, bytes: Uint8Array): PublicKey {
    assertKeyName('nar/invalid-key', name);
    if (bytes.length !== 32 || !isStrictPoint(bytes)) {
      throw new NarError(
        'nar/invalid-key',
        `bytes of key "${name}" are no Ed25519 public key`,
        {
          details: { reason: 'InvalidVerifyingKey' },
        },
      );
    }
    return new PublicKey(name, bytes);
  }

  /** Whether `signature` carries this key's name and is a strictly valid signature of a fingerprint. */
  async verify(fingerprint: string, signature: NarSignature): Promise<boolean> {
    return (
      signature.name === this.name &&
      (await this.verifyBytes(ascii(fingerprint), signature.bytes))
    );
  }

  /** Whether 64 bytes are a strictly valid signature of a message by this key. */
  async verifyBytes(
    message: Uint8Array,
    signature: Uint8Array,
  ): Promise<boolean> {
    if (signature.length !== 64) return false;
    if (
      !isStrictCommitment(signature.subarray(0, 32)) ||
      !isCanonicalScalar(signature.subarray(32))
    )
      return false;
    this.#imported ??= importPublicKey(this.bytes);
    return verify(await this.#imported, signature, message);
  }

  /** `name:base64`. */
  toString(): string {
    return formatNamedBytes(this);
  }
}
