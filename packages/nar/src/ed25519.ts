import { NarError } from './errors.ts';

/**
 * Ed25519 through the Web Crypto API, which browsers, edge workers and Node 20 share. Only what is used of it is declared
 * here, so that the package compiles without a platform's types.
 */
declare const crypto: {
  readonly subtle: {
    importKey(
      format: 'raw' | 'pkcs8',
      key: Uint8Array,
      algorithm: 'Ed25519',
      extractable: boolean,
      usages: readonly ('sign' | 'verify')[],
    ): Promise<Ed25519Key>;
    exportKey(format: 'jwk', key: Ed25519Key): Promise<{ readonly x: string }>;
    sign(
      algorithm: 'Ed25519',
      key: Ed25519Key,
      message: Uint8Array,
    ): Promise<ArrayBuffer>;
    verify(
      algorithm: 'Ed25519',
      key: Ed25519Key,
      signature: Uint8Array,
      message: Uint8Array,
    ): Promise<boolean>;
  };
  getRandomValues(bytes: Uint8Array): Uint8Array;
};

/** A key that the platform holds. */
export interface Ed25519Key {
  readonly type: string;
}

/** What stands before the 32-byte seed in PKCS #8 (RFC 8410). */
const PKCS8_PREFIX = /* @__PURE__ */ new Uint8Array([
  0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04,
  0x22, 0x04, 0x20,
]);

/** Hands a public key of 32 bytes to the platform. */
export function importPublicKey(key: Uint8Array): Promise<Ed25519Key> {
  return supported(() =>
    crypto.subtle.importKey('raw', key, 'Ed25519', true, ['verify']),
  );
}

/** Hands a seed of 32 bytes to the platform. */
export function importSeed(seed: Uint8Array): Promise<Ed25519Key> {
  const pkcs8 = new Uint8Array(PKCS8_PREFIX.length + seed.length);
  pkcs8.set(PKCS8_PREFIX);
  pkcs8.set(seed, PKCS8_PREFIX.length);
  return supported(() =>
    crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', true, ['sign']),
  );
}

/** The public key that belongs to a private one, in unpadded base64url. */
export async function exportPublicHalf(key: Ed25519Key): Promise<string> {
  return (await crypto.subtle.exportKey('jwk', key)).x;
}

/** The signature of `message`, 64 bytes. */
export async function sign(
  key: Ed25519Key,
  message: Uint8Array,
): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign('Ed25519', key, message));
}

/** Whether `signature` is one of `message`, by the rules of the platform. */
export function verify(
  key: Ed25519Key,
  signature: Uint8Array,
  message: Uint8Array,
): Promise<boolean> {
  return crypto.subtle.verify('Ed25519', key, signature, message);
}

/** A new seed of 32 bytes. */
export function randomSeed(): Promise<Uint8Array> {
  return supported(async () => crypto.getRandomValues(new Uint8Array(32)));
}

async function supported<Value>(use: () => Promise<Value>): Promise<Value> {
  try {
    return await use();
  } catch (cause) {
    throw new NarError(
      'nar/unsupported-crypto',
      'this runtime has no Ed25519 in its Web Crypto API',
      { cause },
    );
  }
}
