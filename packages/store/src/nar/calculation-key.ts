import { B3Digest } from '@tvix/castore';
import type { DirectoryNode, FileNode } from '@tvix/castore';

const DIRECTORY = 1;
const FILE = 2;
const EXECUTABLE = 3;

/**
 * The bytes that stand for the NAR of a node: one byte for its type and executable flag, then the 32 bytes of its
 * digest; of a file also its size, 8 bytes big-endian, since a node that claims a wrong one has no NAR.
 */
export function calculationKey(node: DirectoryNode | FileNode): Uint8Array {
  if (node.type === 'directory') {
    return Uint8Array.of(DIRECTORY, ...node.digest.bytes);
  }
  const size = new Uint8Array(8);
  new DataView(size.buffer).setBigUint64(0, node.size);
  const kind = node.executable ? EXECUTABLE : FILE;
  return Uint8Array.of(kind, ...node.digest.bytes, ...size);
}

/** The node that a key stands for, the size of a directory left out; `undefined` where it is no such key. */
export function nodeOfCalculation(
  key: Uint8Array,
): DirectoryNode | FileNode | undefined {
  const { length } = key;
  const [kind] = key;
  if (kind === DIRECTORY && length === 33)
    return {
      type: 'directory',
      digest: B3Digest.fromBytes(key.slice(1)),
      size: 0n,
    };
  if ((kind !== FILE && kind !== EXECUTABLE) || length !== 41) return undefined;
  return {
    type: 'file',
    digest: B3Digest.fromBytes(key.slice(1, 33)),
    size: new DataView(key.buffer, key.byteOffset + 33).getBigUint64(0),
    executable: kind === EXECUTABLE,
  };
}
