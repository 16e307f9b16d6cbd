import { B3Digest } from '@tvix/castore';
import type { BlobRef } from '../blob-cache.ts';
import { ERRNO } from '../errno.ts';
import type { Call } from '../fuse/call.ts';
import { ROOT_ID } from '../fuse/protocol.ts';
import { KIND } from '../inode-identity.ts';
import type { InodeTable } from '../inode-table.ts';

/** The blob of the file that a call is about; answers the call where it isn't a file. */
export function fileBlob(inodes: InodeTable, call: Call): BlobRef | undefined {
  const kind = inodes.kind(call.nodeid);
  if (kind === KIND.FILE || kind === KIND.EXECUTABLE) {
    const { digest, size } = inodes.attributes(call.nodeid);
    return {
      digest: B3Digest.fromBytes(digest.slice()),
      size: Number(size),
    };
  }
  const isKnown = kind !== KIND.FREE || call.nodeid === ROOT_ID;
  call.fail(isKnown ? ERRNO.EISDIR : ERRNO.ENOENT);
  return undefined;
}

/** The digest of the directory below the root that a call is about; answers the call where it isn't one. */
export function directoryDigest(
  inodes: InodeTable,
  call: Call,
): B3Digest | undefined {
  const kind = inodes.kind(call.nodeid);
  if (kind === KIND.DIRECTORY) {
    const { digest } = inodes.attributes(call.nodeid);
    return B3Digest.fromBytes(digest.slice());
  }
  call.fail(kind === KIND.FREE ? ERRNO.ENOENT : ERRNO.ENOTDIR);
  return undefined;
}
