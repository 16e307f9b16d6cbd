import type { BlobService, DirectoryService } from '@tvix/castore';

/** The two services that hold trees. */
export interface TreeStorage {
  readonly blobs: BlobService;
  readonly directories: DirectoryService;
}
