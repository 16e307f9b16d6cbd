/** Runs a command with a mount where there is no unshare, and prints the code of the failure. */
import { MemoryBlobService, MemoryDirectoryService } from '@tvix/castore';
import { execWithMount } from '../../../dist/fuse/index.js';

try {
  await execWithMount({
    blobs: new MemoryBlobService(),
    directories: new MemoryDirectoryService(),
    rootNodes: { get: async () => undefined, async *list() {} },
    mountPoint: '/nonexistent/place',
    env: { PATH: '/nonexistent' },
    command: ['true'],
  });
} catch (error) {
  console.log(error.code);
}
