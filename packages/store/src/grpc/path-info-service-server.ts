import type { Node } from '@tvix/castore';
import { failureToStatus, notFound } from '@tvix/castore/grpc';
import type { ServerHooks } from '@tvix/castore/grpc';
import { nodeFromProto } from '@tvix/castore/proto';
import type { Node as NodeMessage } from '@tvix/castore/proto';
import { ServerError, Status } from 'nice-grpc';
import type { CallContext } from 'nice-grpc';
import type { NarCalculationService } from '../nar/calculation.ts';
import { assertOutputHash } from '../path-info/output-hash.ts';
import { PathInfo } from '../path-info/path-info.ts';
import { assertFewSignatures } from '../path-info/signature-bound.ts';
import type { PathInfoService } from '../path-info-service/path-info-service.ts';
import type {
  CalculateNARResponse,
  GetPathInfoRequest,
  ListPathInfoRequest,
  PathInfo as PathInfoMessage,
  PathInfoServiceImplementation,
} from '../proto/index.ts';

/**
 * So many signatures may a path info have that is put. More than a binary cache lets strangers add: a path goes from store
 * to store with those of the caches that it came through.
 */
const MAX_PUT_SIGNATURES = 256;

const FULL_NAME = 'tvix.store.v1.PathInfoService';

/** The services of this package, as a server offers them. */
export interface StoreServices {
  readonly pathInfos: PathInfoService;
  readonly narCalculation: NarCalculationService;
}

/** `tvix.store.v1.PathInfoService` over any path info service: add it under `PathInfoServiceDefinition`. */
export class PathInfoServiceServer implements PathInfoServiceImplementation {
  readonly #pathInfos: PathInfoService;
  readonly #narCalculation: NarCalculationService;
  readonly #hooks: ServerHooks;

  constructor(services: StoreServices, hooks: ServerHooks = {}) {
    this.#pathInfos = services.pathInfos;
    this.#narCalculation = services.narCalculation;
    this.#hooks = hooks;
  }

  async get(
    { byWhat }: GetPathInfoRequest,
    { signal }: CallContext,
  ): Promise<PathInfoMessage> {
    if (byWhat?.$case !== 'byOutputHash') {
      throw new ServerError(
        Status.UNIMPLEMENTED,
        'path infos are looked up by output hash only',
      );
    }
    const method = `${FULL_NAME}/Get`;
    try {
      assertOutputHash(byWhat.value);
      const pathInfo = await this.#pathInfos.get(byWhat.value, { signal });
      if (pathInfo === undefined) throw notFound('path info not found');
      return pathInfo.toMessage();
    } catch (error) {
      throw failureToStatus(error, { ...this.#hooks, method });
    }
  }

  async put(
    request: PathInfoMessage,
    { signal }: CallContext,
  ): Promise<PathInfoMessage> {
    const method = `${FULL_NAME}/Put`;
    try {
      const pathInfo = PathInfo.fromMessage(request);
      const signatures = pathInfo.narInfo?.signatures ?? [];
      assertFewSignatures(signatures, MAX_PUT_SIGNATURES);
      return (await this.#pathInfos.put(pathInfo, { signal })).toMessage();
    } catch (error) {
      throw failureToStatus(error, { ...this.#hooks, method });
    }
  }

  async calculateNAR(
    request: NodeMessage,
    { signal }: CallContext,
  ): Promise<CalculateNARResponse> {
    if (request.node === undefined) {
      throw new ServerError(
        Status.INVALID_ARGUMENT,
        'the request names no node',
      );
    }
    const method = `${FULL_NAME}/CalculateNAR`;
    try {
      const node: Node = nodeFromProto(request);
      return await this.#narCalculation.calculateNar(node, { signal });
    } catch (error) {
      const always = isMissing(error) ? Status.NOT_FOUND : Status.INTERNAL;
      throw failureToStatus(error, { ...this.#hooks, method, always });
    }
  }

  async *list(
    _request: ListPathInfoRequest,
    { signal }: CallContext,
  ): AsyncGenerator<PathInfoMessage, void> {
    const method = `${FULL_NAME}/List`;
    try {
      for await (const pathInfo of this.#pathInfos.list({ signal }))
        yield pathInfo.toMessage();
    } catch (error) {
      const always = Status.INTERNAL;
      throw failureToStatus(error, { ...this.#hooks, method, always });
    }
  }
}

/** Whether a blob or a directory of the tree isn't stored: the one failure of a calculation with a status of its own. */
function isMissing(error: unknown): boolean {
  return (error as { readonly kind?: unknown } | null)?.kind === 'missing';
}
