// Opens a local store for reading in the thread that serves the mount, and shows one directory of it.
import {
  B3Digest,
  LocalBlobService,
  LocalDirectoryService,
  openLocalStore,
} from '@tvix/castore';
import { rootNodesFromDirectory } from '@tvix/fs';

export async function openServices({ store: path, digest }) {
  const store = await openLocalStore(path, { readOnly: true });
  const directories = new LocalDirectoryService(store);
  return {
    blobs: new LocalBlobService(store),
    directories,
    rootNodes: rootNodesFromDirectory(directories, B3Digest.parse(digest)),
    close: () => store.close(),
  };
}
