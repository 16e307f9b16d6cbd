/** What the thread that serves a mount loads: it opens the store by itself, so that no request leaves it. */
import { B3Digest } from '@tvix/castore';
import { rootNodesFromDirectory } from '@tvix/fs';
import type { OpenedServices } from '@tvix/fs/fuse';
import { PathInfoRootNodes } from '@tvix/store';
import type { ServiceAddresses } from './config.ts';
import { openStore } from './services.ts';

/** What is to be shown. Plain data, as it goes from thread to thread. */
export interface MountedStore {
  readonly addresses: ServiceAddresses;
  /** The digest of the one castore directory to show; the whole store where it is left out. */
  readonly castore?: string;
}

/** Opens a store to look at; somebody else may be writing to it. */
export async function openServices({
  addresses,
  castore,
}: MountedStore): Promise<OpenedServices> {
  const { blobs, directories, pathInfos, close } = await openStore(addresses, {
    readOnly: true,
  });
  const rootNodes =
    castore === undefined
      ? new PathInfoRootNodes(pathInfos)
      : rootNodesFromDirectory(directories, B3Digest.parse(castore));
  return { rootNodes, directories, blobs, close };
}
