/** Opens a local store for reading, in the thread that serves the mount. */
import {
  B3Digest,
  LocalBlobService,
  LocalDirectoryService,
  openLocalStore,
} from '@tvix/castore';

/** @param options `directory` of the store; `roots`: names and plain nodes */
export async function openServices({ directory, roots }) {
  const store = await openLocalStore(directory, { readOnly: true });
  const nodes = new Map(
    roots.map(([name, node]) => [
      name,
      node.type === 'symlink'
        ? node
        : { ...node, digest: B3Digest.fromBytes(node.digest) },
    ]),
  );
  return {
    blobs: new LocalBlobService(store),
    directories: new LocalDirectoryService(store),
    rootNodes: {
      get: async (name) => nodes.get(Buffer.from(name).toString()),
      async *list() {
        for (const [name, node] of nodes)
          yield { name: new TextEncoder().encode(name), node };
      },
    },
    close: () => store.close(),
  };
}
