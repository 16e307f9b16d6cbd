import {
  LocalBlobService,
  LocalDirectoryService,
  repairLocalStore,
  repairOpenStore,
} from '@tvix/castore';
import type {
  CallOptions,
  LocalStore,
  Node,
  RepairResult,
} from '@tvix/castore';
import type { StorePath } from '@tvix/nar';
import { StoreError } from '../errors.ts';
import { collectStore } from '../local-care/collect.ts';
import type {
  CollectStoreOptions,
  CollectStoreResult,
} from '../local-care/collect.ts';
import { deletePaths } from '../local-care/delete-paths.ts';
import type {
  DeletedPaths,
  DeletePathsOptions,
} from '../local-care/delete-paths.ts';
import { Pins } from '../local-care/pins.ts';
import type { Pin, PinTarget } from '../local-care/pins.ts';
import { storeStats } from '../local-care/stats.ts';
import type { StoreStats } from '../local-care/stats.ts';
import { forRecords, verifyPaths, verifyStore } from '../local-care/verify.ts';
import type {
  VerifyStoreOptions,
  VerifyStoreResult,
} from '../local-care/verify.ts';
import { isTreeStored } from '../nar/is-tree-stored.ts';
import { LocalPathInfoService } from '../path-info-service/local.ts';
import type { RepairStoreResult, StoreCare } from './store-care.ts';

/** What the care of a local store may do beside the rest. */
export interface LocalStoreCareOptions {
  /**
   * Opens the store again, for a repair that makes the index anew; everything else that works on the store ends then.
   * Where left out, such an index is made anew when the store is opened next.
   */
  readonly reopen?: () => Promise<LocalStore>;
}

/** The care of a store that this process has open. Whoever opened it closes it. */
export class LocalStoreCare implements StoreCare {
  #store: LocalStore;
  readonly #reopen: LocalStoreCareOptions['reopen'];

  constructor(store: LocalStore, options: LocalStoreCareOptions = {}) {
    this.#store = store;
    this.#reopen = options.reopen;
  }

  stats(options?: CallOptions): Promise<StoreStats> {
    return storeStats(this.#store, options);
  }

  collect(options?: CollectStoreOptions): Promise<CollectStoreResult> {
    const pathInfos = new LocalPathInfoService(this.#store);
    return collectStore({ localStore: this.#store, pathInfos }, options);
  }

  verify(options?: VerifyStoreOptions): Promise<VerifyStoreResult> {
    return verifyStore(this.#store, options);
  }

  async repair(options: VerifyStoreOptions = {}): Promise<RepairStoreResult> {
    const result = await this.#repair(options);
    // What was looked at isn't looked at again where the index can't be believed.
    const paths = result.isIndexDamaged
      ? { paths: 0, damagedPaths: 0 }
      : await verifyPaths(this.#store, options, result);
    return { ...result, ...paths };
  }

  deletePaths(
    storePaths: readonly StorePath[],
    options?: DeletePathsOptions,
  ): Promise<DeletedPaths> {
    return deletePaths(this.#store, storePaths, options);
  }

  /** A tree has to be there as a whole: a pin keeps what is there, and brings nothing back. */
  async addPin(pin: Pin): Promise<void> {
    if (!(await this.#has(pin.target)))
      throw new StoreError(
        'store/nothing-to-pin',
        `the store has no ${textOf(pin.target)}`,
      );
    await new Pins(this.#store).add(pin);
  }

  removePin(name: string): Promise<boolean> {
    return new Pins(this.#store).remove(name);
  }

  listPins(): AsyncIterable<Pin> {
    return new Pins(this.#store).list();
  }

  /** Closes the store, the one that a repair opened again included. */
  close(): Promise<void> {
    return this.#store.close();
  }

  async #repair(options: VerifyStoreOptions): Promise<RepairResult> {
    const reopen = this.#reopen;
    if (reopen === undefined)
      return repairOpenStore(this.#store, forRecords(options));
    let isFirst = true;
    const { result } = await repairLocalStore(async () => {
      if (!isFirst) this.#store = await reopen();
      isFirst = false;
      return this.#store;
    }, forRecords(options));
    return result;
  }

  async #has(target: PinTarget): Promise<boolean> {
    if (target.type === 'castore') {
      const { digest } = target;
      const storage = {
        directories: new LocalDirectoryService(this.#store),
        blobs: new LocalBlobService(this.#store),
      };
      const tree: Node = { type: 'directory', digest, size: 0n };
      return (await isTreeStored(tree, storage)) || storage.blobs.has(digest);
    }
    const { storePath } = target;
    const pathInfos = new LocalPathInfoService(this.#store);
    const found = await pathInfos.get(storePath.digest);
    // The same hash under another name is another path.
    return found?.storePath.equals(storePath) === true;
  }
}

function textOf(target: PinTarget): string {
  return target.type === 'path'
    ? target.storePath.toAbsolutePath()
    : target.digest.toString();
}
