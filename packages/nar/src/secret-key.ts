import { ascii } from './ascii.ts';
import { decodeBase64 } from './base64.ts';
import {
  type Ed25519Key,
  exportPublicHalf,
  importSeed,
  randomSeed,
  sign,
} from './ed25519.ts';
import {
  assertKeyName,
  formatNamedBytes,
  parseNamedBytes,
} from './named-bytes.ts';
import { PublicKey } from './public-key.ts';
import type { NarSignature } from './signature.ts';

const SEED_BYTES = 32;

/** A named Ed25519 key that signs: `name:base64` of 64 bytes, the seed and then the public key. */
export class SecretKey {
  readonly publicKey: PublicKey;
  readonly #bytes: Uint8Array;
  #imported: Promise<Ed25519Key> | undefined;

  private constructor(bytes: Uint8Array, publicKey: PublicKey) {
    this.#bytes = bytes;
    this.publicKey = publicKey;
  }

  /**
   * Reads `name:base64`. That the public half belongs to the seed is only seen when signatures do not verify.
   *
   * @throws NarError `nar/invalid-key` with the reason `MissingSeparator`, `InvalidName`, `InvalidSecretKeyLen`,
   *   `DecodeError` or `InvalidVerifyingKey`
   */
  static parse(text: string): SecretKey {
    const { name, bytes } = parseNamedBytes(
      'nar/invalid-key',
      text,
      64,
      'InvalidSecretKeyLen',
    );
    return new SecretKey(
      bytes,
      PublicKey.from(name, bytes.subarray(SEED_BYTES)),
    );
  }

  /**
   * Makes a new key.
   *
   * @throws NarError `nar/invalid-key` for the name, `nar/unsupported-crypto` where the platform has no Ed25519
   */
  static async generate(name: string): Promise<SecretKey> {
    assertKeyName('nar/invalid-key', name);
    const seed = await randomSeed();
    const half = await exportPublicHalf(await importSeed(seed));
    const publicBytes = decodeBase64(
      `${half.replaceAll('-', '+').replaceAll('_', '/')}=`,
    );
    const bytes = new Uint8Array(64);
    bytes.set(seed);
    bytes.set(publicBytes, SEED_BYTES);
    return new SecretKey(bytes, PublicKey.from(name, publicBytes));
  }

  get name(): string {
    return this.publicKey.name;
  }

  /** Signs a fingerprint. */
  async sign(fingerprint: string): Promise<NarSignature> {
    this.#imported ??= importSeed(this.#bytes.subarray(0, SEED_BYTES));
    return {
      name: this.name,
      bytes: await sign(await this.#imported, ascii(fingerprint)),
    };
  }

  /** `name:base64` with the seed: never into a log. It is no `toString`, so that no template prints it by accident. */
  exportText(): string {
    return formatNamedBytes({ name: this.name, bytes: this.#bytes });
  }
}
