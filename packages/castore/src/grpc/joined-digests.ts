import { B3Digest } from '../digest/b3-digest.ts';
import { CastoreError } from '../errors.ts';

/** Digests end to end, 32 bytes each. */
export function joinDigests(digests: readonly B3Digest[]): Uint8Array {
  const joined = new Uint8Array(digests.length * B3Digest.LENGTH);
  let at = 0;
  for (const { bytes } of digests) {
    joined.set(bytes, at);
    at += B3Digest.LENGTH;
  }
  return joined;
}

/**
 * The digests that stand end to end.
 *
 * @throws CastoreError `castore/invalid-digest-length`
 */
export function splitDigests(joined: Uint8Array): B3Digest[] {
  if (joined.length % B3Digest.LENGTH !== 0) {
    throw new CastoreError(
      'castore/invalid-digest-length',
      `digests end to end are a multiple of ${B3Digest.LENGTH} bytes long, found ${joined.length}`,
      { details: { length: joined.length } },
    );
  }
  // Copies: a digest that is kept must not hold the message that it came in.
  const own = joined.slice();
  const digests: B3Digest[] = [];
  for (let at = 0; at < own.length; at += B3Digest.LENGTH)
    digests.push(B3Digest.fromBytes(own.subarray(at, at + B3Digest.LENGTH)));
  return digests;
}
