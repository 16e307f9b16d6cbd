import { B3Digest } from '@tvix/castore';
import { KIND } from './inode-identity.ts';
import type { InodeKind } from './inode-identity.ts';

const encoder = new TextEncoder();

const BLOB_DIGEST = 'user.tvix.castore.blob.digest';
const DIRECTORY_DIGEST = 'user.tvix.castore.directory.digest';

/** The name of the extended attribute that this kind of inode has, if it has one. */
function nameFor(kind: InodeKind): string | undefined {
  switch (kind) {
    case KIND.DIRECTORY:
      return DIRECTORY_DIGEST;
    case KIND.FILE:
    case KIND.EXECUTABLE:
      return BLOB_DIGEST;
    default:
      return undefined;
  }
}

/** The value of an extended attribute: `b3:` and the digest in base64; `undefined` where there is no such attribute. */
export function xattrValue(
  kind: InodeKind,
  digest: Uint8Array,
  name: Uint8Array,
): Uint8Array | undefined {
  const own = nameFor(kind);
  return own !== undefined && Buffer.from(own).equals(name)
    ? encoder.encode(B3Digest.fromBytes(digest).toString())
    : undefined;
}

/** The names of all extended attributes of an inode, each with a NUL behind it. */
export function xattrNames(kind: InodeKind): Uint8Array {
  const own = nameFor(kind);
  return encoder.encode(own === undefined ? '' : `${own}\0`);
}
