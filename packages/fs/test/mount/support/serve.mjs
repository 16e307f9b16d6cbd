/** Mounts a small tree and prints `mounted`. Arguments: the mount point. Ends with the mount. */
import {
  Directory,
  MemoryBlobService,
  MemoryDirectoryService,
  pathComponent,
} from '@tvix/castore';
import { rootNodesFromDirectory } from '../../../dist/index.js';
import { mountFuse } from '../../../dist/fuse/index.js';

const blobs = new MemoryBlobService();
const directories = new MemoryDirectoryService();
const contents = Buffer.from('hello\n');
const [digest] = await blobs.putMany([contents]);
const root = Directory.fromEntries([
  {
    name: pathComponent('hello'),
    node: { type: 'file', digest, size: 6n, executable: false },
  },
]);
await directories.put(root);
/** Never answers for `stuck`, so that clients wait in the kernel. */
const rootNodes = {
  ...rootNodesFromDirectory(directories, root.digest),
  immutable: false,
};
const controller = new AbortController();
process.on('SIGTERM', () => controller.abort());
const mount = await mountFuse({
  mountPoint: process.argv[2],
  blobs,
  directories,
  rootNodes: {
    ...rootNodes,
    get: (name, options) =>
      Buffer.from(name).toString() === 'stuck'
        ? new Promise(() => undefined)
        : rootNodes.get(name, options),
  },
  listRoot: true,
  signal: controller.signal,
});
console.log('mounted');
await mount.ended;
