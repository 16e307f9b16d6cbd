/** Services of the thread that serves: a directory `huge` of a million files, no two of them alike. */
import {
  B3Digest,
  Directory,
  MemoryBlobService,
  pathComponent,
} from '@tvix/castore';
import { rootNodesFromEntries } from '../../../dist/index.js';

function digestOf(number) {
  const bytes = new Uint8Array(32);
  // Multiplied by an odd number: all differ, and they are spread as digests are.
  new DataView(bytes.buffer).setUint32(0, Math.imul(number, 0x9e3779b1));
  return B3Digest.fromBytes(bytes);
}

export function openServices({ entries }) {
  const huge = Directory.fromEntries(
    Array.from({ length: entries }, (_, i) => ({
      name: pathComponent(`${i}`.padStart(7, '0')),
      node: {
        type: 'file',
        digest: digestOf(i),
        size: BigInt(i),
        executable: false,
      },
    })),
  );
  // Its real digest takes hashing 50 MB; the file system leaves that to the store.
  const digest = B3Digest.fromBytes(new Uint8Array(32).fill(7));
  return {
    blobs: new MemoryBlobService(),
    directories: { get: async () => huge },
    rootNodes: rootNodesFromEntries([
      ['huge', { type: 'directory', digest, size: huge.size }],
    ]),
  };
}
