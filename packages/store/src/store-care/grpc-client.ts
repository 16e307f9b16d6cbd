import { CastoreError } from '@tvix/castore';
import type { CallOptions, LostRecord } from '@tvix/castore';
import { isStatus, statusToFailure } from '@tvix/castore/grpc';
import { StorePath } from '@tvix/nar';
import { createClient, Status } from 'nice-grpc';
import type { Channel } from 'nice-grpc';
import { StoreError } from '../errors.ts';
import type {
  CollectStoreOptions,
  CollectStoreResult,
} from '../local-care/collect.ts';
import type {
  DeletedPaths,
  DeletePathsOptions,
} from '../local-care/delete-paths.ts';
import type { Pin } from '../local-care/pins.ts';
import type { StoreStats } from '../local-care/stats.ts';
import type {
  VerifyStoreOptions,
  VerifyStoreResult,
} from '../local-care/verify.ts';
import { StoreAdminServiceDefinition } from '../proto/index.ts';
import type {
  StoreAdminServiceClient,
  VerifyResponse,
} from '../proto/index.ts';
import {
  collectOptionsToMessage,
  collectProgressFromMessage,
  collectResultFromMessage,
} from './collect-message.ts';
import { pinFromMessage, pinToMessage } from './pin-message.ts';
import { statsFromMessage } from './stats-message.ts';
import type { RepairStoreResult, StoreCare } from './store-care.ts';
import {
  damageFromMessage,
  lostFromMessage,
  repairResultFromMessage,
  verifyProgressFromMessage,
  verifyResultFromMessage,
} from './verify-message.ts';

type VerifyOutcome = Extract<
  NonNullable<VerifyResponse['event']>,
  { $case: 'result' }
>['value'];

/** The care of the store of a daemon. The channel stays the caller's. */
export class GrpcStoreCare implements StoreCare {
  readonly #client: StoreAdminServiceClient;

  constructor(channel: Channel) {
    this.#client = createClient(StoreAdminServiceDefinition, channel);
  }

  async stats(options?: CallOptions): Promise<StoreStats> {
    try {
      return statsFromMessage(await this.#client.stats({}, options));
    } catch (error) {
      throw toFailure(error, options?.signal);
    }
  }

  async collect(
    options: CollectStoreOptions = {},
  ): Promise<CollectStoreResult> {
    const { signal, onProgress } = options;
    const request = collectOptionsToMessage(options);
    try {
      const events = this.#client.collectGarbage(request, signal && { signal });
      for await (const { event } of events) {
        if (event?.$case === 'result')
          return collectResultFromMessage(event.value);
        const progress = event && collectProgressFromMessage(event.value);
        if (progress !== undefined) await onProgress?.(progress);
      }
    } catch (error) {
      throw toFailure(error, signal);
    }
    throw noResult();
  }

  async verify(options: VerifyStoreOptions = {}): Promise<VerifyStoreResult> {
    const { result } = await this.#verify(options, false);
    return verifyResultFromMessage(result);
  }

  async repair(options: VerifyStoreOptions = {}): Promise<RepairStoreResult> {
    const { result, lost } = await this.#verify(options, true);
    return repairResultFromMessage(result, lost);
  }

  async deletePaths(
    storePaths: readonly StorePath[],
    { ignoreReferrers = false, signal }: DeletePathsOptions = {},
  ): Promise<DeletedPaths> {
    try {
      const { deleted, missing } = await this.#client.deletePathInfos(
        { storePaths: storePaths.map(String), ignoreReferrers },
        signal && { signal },
      );
      return {
        deleted: deleted.map((name) => StorePath.parse(name)),
        missing: missing.map((name) => StorePath.parse(name)),
      };
    } catch (error) {
      if (isStatus(error, Status.FAILED_PRECONDITION))
        throw new StoreError('store/path-in-use', `remote: ${textOf(error)}`, {
          cause: error,
        });
      throw toFailure(error, signal);
    }
  }

  async addPin(pin: Pin, options?: CallOptions): Promise<void> {
    try {
      await this.#client.addPin({ pin: pinToMessage(pin) }, options);
    } catch (error) {
      if (isStatus(error, Status.NOT_FOUND))
        throw new StoreError(
          'store/nothing-to-pin',
          `remote: ${textOf(error)}`,
          { cause: error },
        );
      if (isStatus(error, Status.INVALID_ARGUMENT))
        throw new StoreError('store/invalid-pin', `remote: ${textOf(error)}`, {
          cause: error,
        });
      throw toFailure(error, options?.signal);
    }
  }

  async removePin(name: string, options?: CallOptions): Promise<boolean> {
    try {
      return (await this.#client.removePin({ name }, options)).removed;
    } catch (error) {
      throw toFailure(error, options?.signal);
    }
  }

  async *listPins(options?: CallOptions): AsyncGenerator<Pin> {
    try {
      for await (const pin of this.#client.listPins({}, options))
        yield pinFromMessage(pin);
    } catch (error) {
      throw toFailure(error, options?.signal);
    }
  }

  async #verify(
    options: VerifyStoreOptions,
    repair: boolean,
  ): Promise<{ result: VerifyOutcome; lost: LostRecord[] }> {
    const { bytesPerSecond = 0, onDamage, onProgress, signal } = options;
    const request = { repair, bytesPerSecond: BigInt(bytesPerSecond) };
    const lost: LostRecord[] = [];
    try {
      const events = this.#client.verify(request, signal && { signal });
      for await (const { event } of events) {
        switch (event?.$case) {
          case 'result':
            return { result: event.value, lost };
          case 'damage':
            onDamage?.(damageFromMessage(event.value));
            break;
          case 'lost':
            lost.push(lostFromMessage(event.value));
            break;
          case 'progress':
            await onProgress?.(verifyProgressFromMessage(event.value));
        }
      }
    } catch (error) {
      throw toFailure(error, signal);
    }
    throw noResult();
  }
}

function toFailure(error: unknown, signal: AbortSignal | undefined): unknown {
  const isRefused =
    isStatus(error, Status.UNIMPLEMENTED) ||
    isStatus(error, Status.PERMISSION_DENIED);
  if (isRefused && signal?.aborted !== true)
    return new StoreError(
      'store/no-admin',
      'the daemon does not let its store be administered at this address',
      { cause: error },
    );
  return statusToFailure(error, signal);
}

function textOf(error: unknown): string {
  return String((error as { readonly details?: unknown } | null)?.details);
}

function noResult(): CastoreError {
  return new CastoreError(
    'castore/protocol',
    'remote: the call ended without a result',
  );
}
