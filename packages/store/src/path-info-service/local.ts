import { compareBytes, nodeUsedMs, useNode } from '@tvix/castore';
import type {
  CallOptions,
  ChainedStore,
  LocalStore,
  Table,
} from '@tvix/castore';
import { encodeNixBase32 } from '@tvix/nar';
import { StoreError } from '../errors.ts';
import { assertOutputHash } from '../path-info/output-hash.ts';
import { PathInfo } from '../path-info/path-info.ts';
import { DecodedPathInfos } from './decoded-path-infos.ts';
import type {
  PathInfoCapabilities,
  PathInfoService,
} from './path-info-service.ts';

/** The table that path infos are kept in. */
const TABLE = 'path-infos';

/**
 * Keeps path infos in a local store, in a table of its own: the 20 bytes of the output hash lead to the encoded message.
 * Whoever opened the store closes it.
 */
export class LocalPathInfoService implements PathInfoService {
  readonly capabilities: PathInfoCapabilities = {
    put: true,
    list: true,
    delete: true,
  };
  readonly #store: LocalStore;
  readonly #table: Table;
  readonly #decoded = new DecodedPathInfos();

  constructor(store: LocalStore) {
    this.#store = store;
    this.#table = store.table(TABLE);
  }

  /** Calls back for each path info that is put into a store, before it is there. The function that it answers with ends that. */
  static onPut(
    store: LocalStore,
    hear: (pathInfo: PathInfo) => void,
  ): () => void {
    return store.onTablePut(TABLE, (_, value) => hear(PathInfo.decode(value)));
  }

  async get(
    outputHash: Uint8Array,
    options?: CallOptions,
  ): Promise<PathInfo | undefined> {
    options?.signal?.throwIfAborted();
    return this.getNow(outputHash);
  }

  getNow(outputHash: Uint8Array): PathInfo | undefined {
    assertOutputHash(outputHash);
    const value = this.#table.get(outputHash);
    return value && this.#decoded.of(outputHash, value, decode);
  }

  async put(pathInfo: PathInfo, options?: CallOptions): Promise<PathInfo> {
    options?.signal?.throwIfAborted();
    return putInto(this.#table, this.#store, pathInfo);
  }

  async delete(
    outputHashes: readonly Uint8Array[],
    options?: CallOptions,
  ): Promise<void> {
    options?.signal?.throwIfAborted();
    outputHashes.forEach(assertOutputHash);
    await this.#table.batch(
      outputHashes
        .filter((key) => this.#table.writtenMs(key) !== undefined)
        .map((key) => ({ key, value: undefined })),
    );
  }

  /** When a path was registered or its contents last used, in milliseconds since 1970. */
  usedMs({ storePath, node }: PathInfo): number {
    return Math.max(
      this.#table.writtenMs(storePath.digest) ?? 0,
      nodeUsedMs(this.#store, node) ?? 0,
    );
  }

  async *list(options?: CallOptions): AsyncGenerator<PathInfo> {
    options?.signal?.throwIfAborted();
    for await (const [outputHash, value] of this.#table.entries()) {
      yield decode(outputHash, value);
      options?.signal?.throwIfAborted();
    }
  }
}

/** Where path infos are put behind the trees that they lead to; what is put is durable with all of its tree. */
export function chainedPathInfos(
  store: ChainedStore,
): Pick<PathInfoService, 'put'> {
  const table = store.durableTable(TABLE);
  return { put: (pathInfo) => putInto(table, store, pathInfo) };
}

async function putInto(
  table: Pick<Table, 'put'>,
  store: Pick<LocalStore, 'has'>,
  pathInfo: PathInfo,
): Promise<PathInfo> {
  // What a collection that runs is about to take must stay: it has a name from now on.
  useNode(store, pathInfo.node);
  await table.put(pathInfo.storePath.digest, pathInfo.encode());
  return pathInfo;
}

/** Holds what was stored to all rules again: the table answers for its bytes, not for what they mean. */
function decode(outputHash: Uint8Array, value: Uint8Array): PathInfo {
  let pathInfo: PathInfo;
  try {
    pathInfo = PathInfo.decode(value);
  } catch (cause) {
    throw corrupt(outputHash, 'is invalid', cause);
  }
  if (compareBytes(pathInfo.storePath.digest, outputHash) !== 0)
    throw corrupt(outputHash, `belongs to ${pathInfo.storePath.toString()}`);
  return pathInfo;
}

function corrupt(
  outputHash: Uint8Array,
  what: string,
  cause?: unknown,
): StoreError {
  const hash = encodeNixBase32(outputHash);
  return new StoreError(
    'store/corrupt-path-info',
    `the stored path info of ${hash} ${what}`,
    { cause, details: { outputHash } },
  );
}
