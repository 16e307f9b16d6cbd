import type { OpenedStoreServices, TreeStorage } from '@tvix/store';
import { NixHttpPathInfoService } from '@tvix/store/binary-cache';

/**
 * Opens `nix+http(s)://…`: path infos alone, whose trees go to other services.
 *
 * @throws CastoreError `castore/invalid-address`
 */
export function openBinaryCacheAddress(
  address: string,
  storage: TreeStorage,
): OpenedStoreServices {
  return {
    pathInfos: NixHttpPathInfoService.fromAddress(address, storage),
    close: async () => {},
  };
}
