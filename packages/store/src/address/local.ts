import {
  LocalBlobService,
  LocalDirectoryService,
  localAddressOpener,
  openLocalStore,
} from '@tvix/castore';
import type { AddressOpener, LocalStoreOptions } from '@tvix/castore';
import { LocalNarCalculationCache } from '../nar/local-calculation-cache.ts';
import { LocalPathInfoService } from '../path-info-service/local.ts';
import type { OpenedStoreServices } from './opened-store.ts';

/** Opens `local:/abs/dir`, and `local:` alone as a temporary store: all services on one engine. */
export function localStoreAddressOpener(
  options?: LocalStoreOptions,
): AddressOpener<OpenedStoreServices> {
  return localAddressOpener(async (directory) => {
    const localStore = await openLocalStore(directory, options);
    return {
      localStore,
      blobs: new LocalBlobService(localStore),
      directories: new LocalDirectoryService(localStore),
      pathInfos: new LocalPathInfoService(localStore),
      narCalculationCache: new LocalNarCalculationCache(localStore),
      close: () => localStore.close(),
    };
  });
}
