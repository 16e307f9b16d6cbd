import { compareBytes } from '@tvix/castore';
import type { CallOptions, Node } from '@tvix/castore';
import { isStatus, statusToFailure } from '@tvix/castore/grpc';
import { nodeToProto } from '@tvix/castore/proto';
import { createClient, Status } from 'nice-grpc';
import type { Channel } from 'nice-grpc';
import { StoreError } from '../errors.ts';
import type {
  NarCalculation,
  NarCalculationService,
} from '../nar/calculation.ts';
import { assertOutputHash } from '../path-info/output-hash.ts';
import { SHA256_BYTES } from '../path-info/lengths.ts';
import { PathInfo } from '../path-info/path-info.ts';
import { PathInfoServiceDefinition } from '../proto/index.ts';
import type {
  PathInfo as PathInfoMessage,
  PathInfoServiceClient,
} from '../proto/index.ts';
import type {
  PathInfoCapabilities,
  PathInfoService,
} from './path-info-service.ts';

/** The path infos of another daemon, which also calculates NARs of what it holds. The channel stays the caller's. */
export class GrpcPathInfoService
  implements PathInfoService, NarCalculationService
{
  readonly capabilities: PathInfoCapabilities = {
    put: true,
    list: true,
    delete: false,
  };
  readonly #client: PathInfoServiceClient;

  constructor(channel: Channel) {
    this.#client = createClient(PathInfoServiceDefinition, channel);
  }

  async get(
    outputHash: Uint8Array,
    options?: CallOptions,
  ): Promise<PathInfo | undefined> {
    assertOutputHash(outputHash);
    let message: PathInfoMessage;
    try {
      message = await this.#client.get(
        { byWhat: { $case: 'byOutputHash', value: outputHash } },
        options,
      );
    } catch (error) {
      if (isStatus(error, Status.NOT_FOUND)) return undefined;
      throw statusToFailure(error, options?.signal);
    }
    return receive(message, outputHash);
  }

  async put(pathInfo: PathInfo, options?: CallOptions): Promise<PathInfo> {
    let message: PathInfoMessage;
    try {
      message = await this.#client.put(pathInfo.toMessage(), options);
    } catch (error) {
      throw statusToFailure(error, options?.signal);
    }
    return receive(message, pathInfo.storePath.digest);
  }

  async *list(options?: CallOptions): AsyncGenerator<PathInfo> {
    try {
      for await (const message of this.#client.list({}, options))
        yield receive(message);
    } catch (error) {
      throw statusToFailure(error, options?.signal);
    }
  }

  /** Always fails: the protocol has no such call, and deleting takes more authority than putting (see `StoreCare`). */
  async delete(): Promise<void> {
    throw new StoreError(
      'store/unsupported',
      'a daemon forgets paths through its admin service alone',
    );
  }

  async calculateNar(
    node: Node,
    options?: CallOptions,
  ): Promise<NarCalculation> {
    try {
      const { narSize, narSha256 } = await this.#client.calculateNAR(
        nodeToProto(node, new Uint8Array(0)),
        options,
      );
      assertAnsweredSha256(narSha256);
      return { narSize, narSha256 };
    } catch (error) {
      if (isStatus(error, Status.NOT_FOUND)) {
        throw new StoreError(
          'store/incomplete-tree',
          'the remote lacks a part of the tree',
          { cause: error },
        );
      }
      throw statusToFailure(error, options?.signal);
    }
  }
}

/** A path info from outside: valid, and the one that was asked for. */
function receive(message: PathInfoMessage, outputHash?: Uint8Array): PathInfo {
  let pathInfo: PathInfo;
  try {
    pathInfo = PathInfo.fromMessage(message);
  } catch (cause) {
    throw new StoreError(
      'store/protocol',
      'remote: answered with an invalid path info',
      { cause },
    );
  }
  const { storePath } = pathInfo;
  if (
    outputHash !== undefined &&
    compareBytes(storePath.digest, outputHash) !== 0
  ) {
    throw new StoreError(
      'store/protocol',
      `remote: answered with the path info of another path, ${storePath.toString()}`,
      { details: { expected: outputHash, found: storePath.digest } },
    );
  }
  return pathInfo;
}

function assertAnsweredSha256(digest: Uint8Array): void {
  if (digest.length !== SHA256_BYTES) {
    throw new StoreError(
      'store/protocol',
      `remote: answered with a SHA-256 of ${digest.length} bytes`,
    );
  }
}
