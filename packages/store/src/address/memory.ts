import { openMemoryAddress } from '@tvix/castore';
import type { Address } from '@tvix/castore';
import { MemoryNarCalculationCache } from '../nar/calculation-cache.ts';
import { MemoryPathInfoService } from '../path-info-service/memory.ts';
import type { OpenedStoreServices } from './opened-store.ts';

/** Opens `memory:`: each time a store of its own. */
export async function openMemoryStoreAddress(
  address: Address,
): Promise<OpenedStoreServices> {
  return {
    ...(await openMemoryAddress(address)),
    pathInfos: new MemoryPathInfoService(),
    narCalculationCache: new MemoryNarCalculationCache(),
  };
}
