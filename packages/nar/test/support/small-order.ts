import { createHash, generateKeyPairSync } from 'node:crypto';

const L = 2n ** 252n + 27742317777372353535851937790883648493n;

/**
 * A signature whose commitment R is the identity: with s = H(R, A, M) · a, the equation sB = R + H(R, A, M)A holds. Only the
 * owner of a key can make one, and it commits to nothing.
 */
export function smallOrderSignature(): {
  key: Uint8Array;
  message: Uint8Array;
  signature: Uint8Array;
} {
  const { d, x } = generateKeyPairSync('ed25519').privateKey.export({
    format: 'jwk',
  });
  const key = Uint8Array.from(Buffer.from(x!, 'base64url'));
  const hashed = createHash('sha512')
    .update(Buffer.from(d!, 'base64url'))
    .digest();
  hashed[0] = hashed[0]! & 248;
  hashed[31] = (hashed[31]! & 127) | 64;
  const scalar = littleEndian(hashed.subarray(0, 32));
  const message = Uint8Array.from(Buffer.from('any message'));
  const commitment = Uint8Array.from({ length: 32 }, (_, i) =>
    i === 0 ? 1 : 0,
  );
  const challenge = littleEndian(
    createHash('sha512')
      .update(commitment)
      .update(key)
      .update(message)
      .digest(),
  );
  const signature = new Uint8Array(64);
  signature.set(commitment);
  let s = (challenge * scalar) % L;
  for (let i = 32; i < 64; i++, s >>= 8n) signature[i] = Number(s & 0xffn);
  return { key, message, signature };
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
