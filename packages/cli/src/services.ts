/** The composition root: which address is opened by what, and which services a command works on. */
import { createRegistry, GRPC_SCHEMES } from '@tvix/castore';
import type { Address, AddressRegistry, LocalStore } from '@tvix/castore';
import {
  CachedNarCalculation,
  localStoreAddressOpener,
  MemoryNarCalculationCache,
  openMemoryStoreAddress,
  RenderingNarCalculation,
} from '@tvix/store';
import type {
  NarCalculationService,
  OpenedStoreServices,
  Store,
  StoreCare,
  TreeStorage,
} from '@tvix/store';
import type { ServiceAddresses } from './config.ts';
import { CliError } from './errors.ts';

/** The services of a store. Whoever opens it closes it. */
export interface OpenStore extends Store, AsyncDisposable {
  readonly narCalculation: NarCalculationService;
  /** What it was opened by. */
  readonly addresses: ServiceAddresses;
  /** The care of where path infos are kept, where it can be cared for. */
  readonly care?: StoreCare;
  /** The engine that path infos are kept by, where it is in this process. */
  readonly localStore?: LocalStore;
  /** Whether that keeps blobs and directories, too. */
  readonly isAllLocal: boolean;
  close(): Promise<void>;
}

/** How a store is opened. */
export interface OpenStoreOptions {
  /** Only looks: a local store may be written to by another process meanwhile. */
  readonly readOnly?: boolean;
  /** As `LocalStoreOptions.mustExist`. */
  readonly mustExist?: boolean;
  /** As `LocalStoreOptions.threadNiceness`. */
  readonly threadNiceness?: number;
}

/**
 * Opens the three services. An address that stands for several of them is opened once.
 *
 * @throws CastoreError `castore/invalid-address`, and what the backends throw
 */
export async function openStore(
  addresses: ServiceAddresses,
  options: OpenStoreOptions = {},
): Promise<OpenStore> {
  // What a binary cache is asked for, even by who only looks, is written to the other two.
  const isSubstituting = isBinaryCache(addresses.pathInfos);
  const registry = createStoreRegistry(isSubstituting ? {} : options);
  const opened = new Map<string, OpenedStoreServices>();
  const close = async (): Promise<void> => {
    for (const { close } of opened.values()) await close();
  };
  const open = async (address: string): Promise<OpenedStoreServices> => {
    const known = opened.get(address) ?? (await registry.open(address));
    opened.set(address, known);
    return known;
  };
  try {
    const blobs = (await open(addresses.blobs)).blobs;
    const directories = (await open(addresses.directories)).directories;
    assertServed(blobs, 'blobs', addresses.blobs);
    assertServed(directories, 'directories', addresses.directories);
    const pathInfoStore = isSubstituting
      ? await openBinaryCache(addresses.pathInfos, { blobs, directories })
      : await open(addresses.pathInfos);
    const { pathInfos } = pathInfoStore;
    assertServed(pathInfos, 'path infos', addresses.pathInfos);
    const narCalculation =
      pathInfoStore.narCalculation ??
      new CachedNarCalculation(
        new RenderingNarCalculation({ blobs, directories }),
        pathInfoStore.narCalculationCache ?? new MemoryNarCalculationCache(),
      );
    return {
      blobs,
      directories,
      pathInfos,
      narCalculation,
      addresses,
      ...(pathInfoStore.care && { care: pathInfoStore.care }),
      ...(pathInfoStore.localStore && { localStore: pathInfoStore.localStore }),
      isAllLocal:
        pathInfoStore.localStore !== undefined &&
        pathInfoStore.blobs === blobs &&
        pathInfoStore.directories === directories,
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A binary cache has path infos alone: what it substitutes goes to the other two services. */
function isBinaryCache(address: string): boolean {
  return address.startsWith('nix+');
}

// What speaks HTTP and gRPC is loaded where an address asks for it: a command on a local store needs half the time to
// start without.

async function openBinaryCache(
  address: string,
  storage: TreeStorage,
): Promise<OpenedStoreServices> {
  const { openBinaryCacheAddress } = await import('./binary-cache-address.ts');
  return openBinaryCacheAddress(address, storage);
}

async function openDaemon(address: Address): Promise<OpenedStoreServices> {
  const { openGrpcStoreAddress } = await import('./daemon-address.ts');
  return openGrpcStoreAddress(address);
}

function createStoreRegistry(
  options: OpenStoreOptions,
): AddressRegistry<OpenedStoreServices> {
  const registry = createRegistry<OpenedStoreServices>()
    .register('memory', openMemoryStoreAddress)
    .register('local', localStoreAddressOpener(options));
  for (const scheme of GRPC_SCHEMES) registry.register(scheme, openDaemon);
  return registry;
}

function assertServed<T>(
  service: T | undefined,
  what: string,
  address: string,
): asserts service is T {
  if (service === undefined)
    throw new CliError('cli/usage', `${address} holds no ${what}`);
}
