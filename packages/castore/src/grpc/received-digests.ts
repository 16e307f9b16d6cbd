import { B3Digest } from '../digest/b3-digest.ts';
import { CastoreError } from '../errors.ts';
import { splitDigests } from './joined-digests.ts';

/**
 * A digest that a server answered with.
 *
 * @throws CastoreError `castore/protocol` where it isn't 32 bytes long: the mistake isn't the caller's
 */
export function receivedDigest(bytes: Uint8Array): B3Digest {
  return received(() => B3Digest.fromBytes(bytes));
}

/** As {@link receivedDigest}, of digests end to end. */
export function receivedDigests(joined: Uint8Array): B3Digest[] {
  return received(() => splitDigests(joined));
}

function received<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new CastoreError(
      'castore/protocol',
      'remote: the server answered with something that is no digest',
      { cause },
    );
  }
}
