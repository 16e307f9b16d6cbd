/** Copies a blob of 2000 bytes for the kernel, and prints how that ended. */
import { tmpdir } from 'node:os';
import { WholeFileCache } from '../../../dist/fuse/whole-file-cache.js';

const blobs = { load: async (_, at, length) => [new Uint8Array(length)] };
const copies = new WholeFileCache(tmpdir(), 10_000, blobs);
try {
  await copies.descriptor({ digest: { key: 'blob' }, size: 2000 });
  console.log('copied');
} catch (error) {
  console.log(error.code);
}
copies.close();
