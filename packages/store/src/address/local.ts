import {
  LocalBlobService,
  LocalDirectoryService,
  localAddressOpener,
  openLocalStore,
} from '@tvix/castore';
import type {
  AddressOpener,
  LocalStore,
  LocalStoreOptions,
} from '@tvix/castore';
import { LocalNarCalculationCache } from '../nar/local-calculation-cache.ts';
import { LocalPathInfoService } from '../path-info-service/local.ts';
import { LocalStoreCare } from '../store-care/local.ts';
import type { OpenedStoreServices } from './opened-store.ts';

/** Opens `local:/abs/dir`, and `local:` alone as a temporary store: all services on one engine. */
export function localStoreAddressOpener(
  options?: LocalStoreOptions,
): AddressOpener<OpenedStoreServices> {
  return localAddressOpener(async (directory) => {
    const open = (): Promise<LocalStore> => openLocalStore(directory, options);
    const localStore = await open();
    const care = new LocalStoreCare(localStore, { reopen: open });
    return {
      localStore,
      care,
      blobs: new LocalBlobService(localStore),
      directories: new LocalDirectoryService(localStore),
      pathInfos: new LocalPathInfoService(localStore),
      narCalculationCache: new LocalNarCalculationCache(localStore),
      close: () => care.close(),
    };
  });
}
