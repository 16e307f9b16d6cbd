import type { LocalStore, OpenedServices } from '@tvix/castore';
import type { NarCalculationCache } from '../nar/calculation-cache.ts';
import type { NarCalculationService } from '../nar/calculation.ts';
import type { StoreCare } from '../store-care/store-care.ts';
import type { PathInfoService } from '../path-info-service/path-info-service.ts';

/** What an address was opened to. Services that a scheme doesn't have are left out. */
export interface OpenedStoreServices extends OpenedServices {
  readonly pathInfos?: PathInfoService;
  /** Calculates the NARs of what a daemon holds over there, where the address leads to one. */
  readonly narCalculation?: NarCalculationService;
  /** Remembers calculations that are made here, where the address leads to something that remembers. */
  readonly narCalculationCache?: NarCalculationCache;
  /** The care of what lies there, where it can be cared for. */
  readonly care?: StoreCare;
  /** The engine behind `local:`, for what only it can do. Closed with the rest. */
  readonly localStore?: LocalStore;
}
