import type { TreeStorage } from './nar/tree-storage.ts';
import type { PathInfoService } from './path-info-service/path-info-service.ts';

/** The three services that make a store. */
export interface Store extends TreeStorage {
  readonly pathInfos: PathInfoService;
}
