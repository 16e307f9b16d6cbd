import { MemoryBlobService } from '../blob-service/memory.ts';
import { MemoryDirectoryService } from '../directory-service/memory.ts';
import { checkMemoryAddress } from './grammar.ts';
import type { Address } from './grammar.ts';
import type { OpenedServices } from './registry.ts';

/** Opens `memory:`: each time a store of its own. */
export async function openMemoryAddress(
  address: Address,
): Promise<Required<OpenedServices>> {
  checkMemoryAddress(address);
  return {
    blobs: new MemoryBlobService(),
    directories: new MemoryDirectoryService(),
    close: async () => undefined,
  };
}
