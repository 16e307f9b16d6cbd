/** Runs a command that sees a small tree. Arguments: the mount point, the command. */
import { MemoryBlobService, MemoryDirectoryService } from '@tvix/castore';
import { rootNodesFromEntries } from '../../../dist/index.js';
import { execWithMount } from '../../../dist/fuse/index.js';

const blobs = new MemoryBlobService();
const [digest] = await blobs.putMany([Buffer.from('hello\n')]);
const [, , mountPoint, ...command] = process.argv;
process.exitCode = await execWithMount({
  mountPoint,
  command,
  blobs,
  directories: new MemoryDirectoryService(),
  rootNodes: rootNodesFromEntries([
    ['hello', { type: 'file', digest, size: 6n, executable: false }],
  ]),
});
