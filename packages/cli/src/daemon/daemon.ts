import { setTimeout as delay } from 'node:timers/promises';
import { addCastoreServices, grpcServerOptions } from '@tvix/castore/grpc';
import type { CastoreServices } from '@tvix/castore/grpc';
import type { StoreCare } from '@tvix/store';
import { addStoreAdmin, addStoreServices } from '@tvix/store/grpc';
import type { StoreServices } from '@tvix/store/grpc';
import type { Logger } from '../logging.ts';
import { HealthDefinition } from '../proto/gen/grpc/health/v1/health.ts';
import { ServerReflectionDefinition as ReflectionV1 } from '../proto/gen/grpc/reflection/v1/reflection.ts';
import { ServerReflectionDefinition as ReflectionV1Alpha } from '../proto/gen/grpc/reflection/v1alpha/reflection.ts';
import { isAdministered } from './admin-reach.ts';
import type { AdminReach } from './admin-reach.ts';
import type { Listener } from './bind.ts';
import { GRACE_MS } from './grace.ts';
import { HealthService } from './health.ts';
import { isWiderThanLoopback } from './listen-address.ts';
import type { ListenAddress } from './listen-address.ts';
import { openListeners } from './listeners.ts';
import { ReflectionService } from './reflection.ts';
import { logRequests } from './request-log.ts';
import { RpcServer } from './rpc-server.ts';

/** What a daemon serves, and where. */
export interface DaemonOptions {
  readonly services: CastoreServices & StoreServices;
  /** What is administered, and from where; left out where nothing can be. */
  readonly admin?: { readonly care: StoreCare; readonly reach: AdminReach };
  readonly listen: readonly ListenAddress[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
}

/** The gRPC services of a store with reflection and health, on any number of listeners. */
export class Daemon {
  /** Those who may administer the store are served by a server of their own, which alone knows how. */
  readonly #servers: readonly RpcServer[];
  readonly #stopping: AbortController;
  readonly #logger: Logger;
  #listeners: readonly Listener[] = [];
  /** Resolves when there is nothing left to serve: the connection on standard input has ended. */
  readonly ended: Promise<void>;
  readonly #end: () => void;

  private constructor(
    servers: readonly RpcServer[],
    stopping: AbortController,
    logger: Logger,
  ) {
    this.#servers = servers;
    this.#stopping = stopping;
    this.#logger = logger;
    let end = (): void => {};
    this.ended = new Promise((resolve) => {
      end = resolve;
    });
    this.#end = end;
  }

  /**
   * Starts a daemon; it serves once this resolves.
   *
   * @throws CliError `cli/usage`, `cli/address-in-use`, `cli/cannot-listen`, `cli/socket-activation`
   */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const { logger, admin, env } = options;
    const stopping = new AbortController();
    const plain = createRpcServer(options, undefined, stopping.signal);
    const full = admin && createRpcServer(options, admin.care, stopping.signal);
    const serverFor = (address: ListenAddress): RpcServer =>
      full !== undefined && isAdministered(address, admin!.reach)
        ? full
        : plain;
    const servers = full === undefined ? [plain] : [plain, full];
    const daemon = new Daemon(servers, stopping, logger);
    daemon.#listeners = await openListeners(options.listen, {
      env,
      logger,
      onConnection: (connection, address) =>
        serverFor(address).serve(connection),
      onStdioEnd: () => {
        if (options.listen.every(({ type }) => type === 'stdio')) daemon.#end();
      },
    });
    for (const [i, { address }] of daemon.#listeners.entries()) {
      const isAdmin = serverFor(options.listen[i]!) === full;
      logger.info({ address, admin: isAdmin }, 'listening');
      if (isAdmin && isWide(options.listen[i]!))
        logger.warn(
          { address },
          'anybody who reaches this address can delete what the store holds',
        );
    }
    return daemon;
  }

  /** Where it really listens. */
  get addresses(): readonly string[] {
    return this.#listeners.map(({ address }) => address);
  }

  /**
   * Takes no more connections and calls, and lets those under way finish, for 30 seconds or until the signal fires.
   * Answers whether all of them did.
   */
  async stop(hard?: AbortSignal): Promise<boolean> {
    this.#stopping.abort();
    for (const listener of this.#listeners) listener.close();
    const timer = new AbortController();
    const signals = hard === undefined ? [timer.signal] : [timer.signal, hard];
    const finished = await Promise.race([
      Promise.all(this.#servers.map((rpc) => rpc.stop())).then(() => true),
      delay(GRACE_MS, false, { signal: AbortSignal.any(signals) }).catch(
        () => false,
      ),
    ]);
    timer.abort();
    if (!finished) {
      this.#logger.warn('calls that did not finish in time are cancelled');
      for (const rpc of this.#servers) rpc.destroy();
    }
    return finished;
  }
}

function createRpcServer(
  { services, logger }: DaemonOptions,
  care: StoreCare | undefined,
  stopping: AbortSignal,
): RpcServer {
  const options = grpcServerOptions();
  const rpc = new RpcServer(
    logger.isLevelEnabled('debug')
      ? {
          ...options,
          interceptors: [logRequests(logger), ...(options.interceptors ?? [])],
        }
      : options,
  );
  const hooks = {
    onUnexpectedError: (err: unknown, method: string) =>
      logger.error({ method, err }, 'unexpected error'),
  };
  addCastoreServices(rpc, services, hooks);
  addStoreServices(rpc, services, hooks);
  if (care !== undefined) addStoreAdmin(rpc, care, { ...hooks, stopping });
  const served = (): readonly string[] => rpc.services;
  const reflection = new ReflectionService(served, stopping);
  rpc.add(ReflectionV1, reflection);
  rpc.add(ReflectionV1Alpha, reflection);
  rpc.add(HealthDefinition, new HealthService(served, stopping));
  return rpc;
}

function isWide(address: ListenAddress): boolean {
  return address.type === 'tcp' && isWiderThanLoopback(address.host);
}
