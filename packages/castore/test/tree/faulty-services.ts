import { MemoryBlobService } from '../../src/blob-service/memory.ts';
import { FaultyBlobService } from '../../src/conformance/faulty-blob-service.ts';
import type { BlobFaults } from '../../src/conformance/faulty-blob-service.ts';
import { FaultyDirectoryService } from '../../src/conformance/faulty-directory-service.ts';
import type { DirectoryCall } from '../../src/conformance/faulty-directory-service.ts';
import type { Fault } from '../../src/conformance/fault.ts';
import { MemoryDirectoryService } from '../../src/directory-service/memory.ts';

/** Memory services that fail where they are told to, and count what is open. */
export function createServices(
  blobFaults: BlobFaults = {},
  directoryFault: Fault<DirectoryCall> = () => {},
) {
  return {
    blobs: new FaultyBlobService(new MemoryBlobService(), blobFaults),
    directories: new FaultyDirectoryService(
      new MemoryDirectoryService(),
      directoryFault,
    ),
  };
}
