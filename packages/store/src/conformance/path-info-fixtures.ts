import { B3Digest, Directory, symlinkTarget } from '@tvix/castore';
import type { Node } from '@tvix/castore';
import { StorePath } from '@tvix/nar';
import { PathInfo } from '../path-info/path-info.ts';

/** An output hash of 20 equal bytes. */
export function outputHash(byte: number): Uint8Array {
  return new Uint8Array(20).fill(byte);
}

/** A store path whose output hash is made of that byte. */
export function storePath(byte: number, name = 'thing'): StorePath {
  return StorePath.fromNameAndDigest(name, outputHash(byte));
}

const NODES: Readonly<Record<Node['type'], Node>> = {
  directory: {
    type: 'directory',
    digest: Directory.EMPTY.digest,
    // Beyond what a double holds exactly.
    size: (1n << 64n) - 1n,
  },
  file: {
    type: 'file',
    digest: B3Digest.fromBytes(new Uint8Array(32).fill(7)),
    size: (1n << 53n) + 1n,
    executable: true,
  },
  symlink: {
    type: 'symlink',
    // Bytes that are no UTF-8.
    target: symlinkTarget(Uint8Array.of(0xff, 0xfe, 0x2f)),
  },
};

/** A path info without narinfo. */
export function barePathInfo(
  byte: number,
  type: Node['type'] = 'directory',
): PathInfo {
  return PathInfo.createBare(storePath(byte), NODES[type], [
    outputHash(byte ^ 0xff),
  ]);
}

/** A path info with everything that one can have. */
export function fullPathInfo(byte: number, name = 'thing'): PathInfo {
  return PathInfo.create(storePath(byte, name), NODES.file, {
    narSize: (1n << 64n) - 1n,
    narSha256: new Uint8Array(32).fill(byte),
    signatures: [
      { name: 'first-1', data: new Uint8Array(64).fill(1) },
      { name: 'second-1', data: new Uint8Array(64).fill(2) },
    ],
    // Not in the order of their hashes, and one is the path itself: the order is the caller's.
    references: [storePath(byte ^ 0xff, 'other'), storePath(byte, name)],
    deriver: storePath(byte ^ 0x55, 'thing.drv'),
    ca: { type: 99, digest: Uint8Array.of(1, 2, 3) },
  });
}
