import { MIN_GRACE_MS } from '@tvix/castore';
import { failureToStatus } from '@tvix/castore/grpc';
import type { FailureOptions, ServerHooks } from '@tvix/castore/grpc';
import { StorePath } from '@tvix/nar';
import { ServerError, Status } from 'nice-grpc';
import type { CallContext } from 'nice-grpc';
import { StoreError } from '../errors.ts';
import type {
  AddPinRequest,
  AddPinResponse,
  CollectGarbageRequest,
  CollectGarbageResponse,
  DeletePathInfosRequest,
  DeletePathInfosResponse,
  Pin as PinMessage,
  RemovePinRequest,
  RemovePinResponse,
  StatsRequest,
  StatsResponse,
  StoreAdminServiceImplementation,
  VerifyRequest,
  VerifyResponse,
} from '../proto/index.ts';
import {
  collectOptionsFromMessage,
  collectProgressToMessage,
  collectResultToMessage,
} from '../store-care/collect-message.ts';
import { pinFromMessage, pinToMessage } from '../store-care/pin-message.ts';
import { statsToMessage } from '../store-care/stats-message.ts';
import type { StoreCare } from '../store-care/store-care.ts';
import {
  damageToMessage,
  lostToMessage,
  verifyProgressToMessage,
  verifyResultToMessage,
} from '../store-care/verify-message.ts';
import { eventStream } from './event-stream.ts';
import type { Emit } from './event-stream.ts';

/** What a server of the admin service may be told. */
export interface StoreAdminServerOptions extends ServerHooks {
  /** Ends the collections and verifications that are under way: the server stops. Clients hear UNAVAILABLE. */
  readonly stopping?: AbortSignal;
}

type CollectEvent = CollectGarbageResponse['event'];
type VerifyEvent = VerifyResponse['event'];

/** `tvix.store.admin.v1.StoreAdminService` over the care of a store. Who may call it is decided by who adds it. */
export class StoreAdminServer implements StoreAdminServiceImplementation {
  readonly #care: StoreCare;
  readonly #hooks: ServerHooks;
  readonly #stopping: AbortSignal;

  constructor(care: StoreCare, options: StoreAdminServerOptions = {}) {
    const { stopping, ...hooks } = options;
    this.#care = care;
    this.#hooks = hooks;
    this.#stopping = stopping ?? new AbortController().signal;
  }

  async stats(
    _request: StatsRequest,
    { signal }: CallContext,
  ): Promise<StatsResponse> {
    return this.#answer('Stats', async () =>
      statsToMessage(await this.#care.stats({ signal })),
    );
  }

  async *collectGarbage(
    request: CollectGarbageRequest,
    context: CallContext,
  ): AsyncGenerator<CollectGarbageResponse, void> {
    const options = collectOptionsFromMessage(request);
    const { graceMs = MIN_GRACE_MS } = options;
    if (graceMs < MIN_GRACE_MS)
      throw new ServerError(
        Status.INVALID_ARGUMENT,
        `the grace is at least ${MIN_GRACE_MS} ms`,
      );
    const events = this.#events<CollectEvent>(context, async (emit, signal) => {
      let isTaken = true;
      const result = await this.#care.collect({
        ...options,
        signal,
        // Who listens slowly misses some of it: others wait for the end of a collection, too.
        onProgress(progress) {
          if (!isTaken) return;
          isTaken = false;
          const value = collectProgressToMessage(progress);
          void emit({ $case: 'progress', value }).then(() => (isTaken = true));
        },
      });
      await emit({ $case: 'result', value: collectResultToMessage(result) });
    });
    yield* this.#stream('CollectGarbage', events);
  }

  async *verify(
    { repair, bytesPerSecond }: VerifyRequest,
    context: CallContext,
  ): AsyncGenerator<VerifyResponse, void> {
    const rate = Number(bytesPerSecond);
    const events = this.#events<VerifyEvent>(context, async (emit, signal) => {
      const options = {
        signal,
        ...(rate > 0 && { bytesPerSecond: rate }),
        onDamage: (damage: Parameters<typeof damageToMessage>[0]) =>
          void emit({ $case: 'damage', value: damageToMessage(damage) }),
        onProgress: (progress: Parameters<typeof verifyProgressToMessage>[0]) =>
          emit({
            $case: 'progress',
            value: verifyProgressToMessage(progress),
          }),
      };
      if (!repair) {
        const result = await this.#care.verify(options);
        await emit({ $case: 'result', value: verifyResultToMessage(result) });
        return;
      }
      const result = await this.#care.repair(options);
      for (const record of result.lost)
        await emit({ $case: 'lost', value: lostToMessage(record) });
      await emit({ $case: 'result', value: verifyResultToMessage(result) });
    });
    yield* this.#stream('Verify', events);
  }

  async deletePathInfos(
    { storePaths, ignoreReferrers }: DeletePathInfosRequest,
    { signal }: CallContext,
  ): Promise<DeletePathInfosResponse> {
    return this.#answer('DeletePathInfos', async () => {
      const { deleted, missing } = await this.#care.deletePaths(
        storePaths.map(parseStorePath),
        { ignoreReferrers, signal },
      );
      return { deleted: deleted.map(String), missing: missing.map(String) };
    });
  }

  async addPin({ pin }: AddPinRequest): Promise<AddPinResponse> {
    return this.#answer(
      'AddPin',
      async () => {
        await this.#care.addPin(
          pinFromMessage(pin ?? { name: '', target: undefined }),
        );
        return {};
      },
      { statuses: { missing: Status.NOT_FOUND } },
    );
  }

  async removePin({ name }: RemovePinRequest): Promise<RemovePinResponse> {
    return this.#answer('RemovePin', async () => ({
      removed: await this.#care.removePin(name),
    }));
  }

  async *listPins(): AsyncGenerator<PinMessage, void> {
    try {
      for await (const pin of this.#care.listPins()) yield pinToMessage(pin);
    } catch (error) {
      throw this.#toStatus(error, 'ListPins');
    }
  }

  #events<Event>(
    { signal }: CallContext,
    run: (emit: Emit<Event>, signal: AbortSignal) => Promise<void>,
  ): AsyncGenerator<Event, void> {
    return eventStream(run, AbortSignal.any([signal, this.#stopping]));
  }

  async *#stream<Event>(
    name: string,
    events: AsyncIterable<Event>,
  ): AsyncGenerator<{ readonly event: Event }, void> {
    try {
      for await (const event of events) yield { event };
    } catch (error) {
      if (this.#stopping.aborted)
        throw new ServerError(
          Status.UNAVAILABLE,
          'the server stops; the next call goes on',
        );
      throw this.#toStatus(error, name);
    }
  }

  async #answer<T>(
    name: string,
    act: () => Promise<T>,
    options: Pick<FailureOptions, 'statuses'> = {},
  ): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw this.#toStatus(error, name, options);
    }
  }

  #toStatus(
    error: unknown,
    name: string,
    options: Pick<FailureOptions, 'statuses'> = {},
  ): ServerError {
    const method = `tvix.store.admin.v1.StoreAdminService/${name}`;
    return failureToStatus(error, { ...this.#hooks, ...options, method });
  }
}

function parseStorePath(basename: string): StorePath {
  try {
    return StorePath.parse(basename);
  } catch (cause) {
    throw new StoreError(
      'store/invalid-store-path-name',
      `not the basename of a store path: ${JSON.stringify(basename)}`,
      { cause },
    );
  }
}
