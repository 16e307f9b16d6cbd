/**
 * A gRPC server that takes its connections from outside.
 *
 * nice-grpc's own server listens by itself, on TCP and on unix paths only, and gives no access to the grpc-js server
 * below, whose connection injector is made for everything else: abstract sockets, inherited sockets, standard input. So
 * this makes the grpc-js server here, with nice-grpc's conversions of services and calls.
 */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { ConnectionInjector, ServerOptions } from '@grpc/grpc-js';
import type {
  CompatServiceDefinition,
  MethodDefinition,
  Server as NiceServer,
  ServiceImplementation,
} from 'nice-grpc';
import { createBidiStreamingMethodHandler } from 'nice-grpc/lib/server/handleBidiStreamingCall.js';
import { createClientStreamingMethodHandler } from 'nice-grpc/lib/server/handleClientStreamingCall.js';
import { createServerStreamingMethodHandler } from 'nice-grpc/lib/server/handleServerStreamingCall.js';
import { createUnaryMethodHandler } from 'nice-grpc/lib/server/handleUnaryCall.js';
import type { CreateMethodHandler } from 'nice-grpc/lib/server/handleUnaryCall.js';
import {
  normalizeServiceDefinition,
  toGrpcJsServiceDefinition,
} from 'nice-grpc/lib/service-definitions/index.js';
import type { Duplex } from 'node:stream';

type AnyMethod = MethodDefinition<unknown, unknown, unknown, unknown>;

/** Serves gRPC on whatever connections it is given. */
export class RpcServer implements Pick<NiceServer, 'add'> {
  readonly #server: Server;
  readonly #injector: ConnectionInjector;
  readonly #services: string[] = [];

  constructor(options: ServerOptions) {
    this.#server = new Server(options);
    this.#injector = this.#server.createConnectionInjector(
      ServerCredentials.createInsecure(),
    );
  }

  /** The full names of the services that were added, in their order. */
  get services(): readonly string[] {
    return this.#services;
  }

  /** Adds a service, before the first connection. */
  add<Service extends CompatServiceDefinition>(
    definition: Service,
    implementation: ServiceImplementation<Service>,
  ): void {
    const methods = normalizeServiceDefinition(definition);
    const target = implementation as Readonly<
      Record<string, (...args: never[]) => unknown>
    >;
    this.#server.addService(
      toGrpcJsServiceDefinition(methods),
      Object.fromEntries(
        Object.entries(methods).map(([name, method]) => [
          name,
          handlerCreator(method)(method, target[name]!.bind(implementation)),
        ]),
      ),
    );
    const path = Object.values(methods)[0]?.path ?? '';
    this.#services.push(path.slice(1, path.lastIndexOf('/')));
  }

  /** Serves the calls of one connection. */
  serve(connection: Duplex): void {
    this.#injector.injectConnection(connection);
  }

  /** Tells every client to go away, and resolves when all calls that are under way have finished. */
  stop(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.tryShutdown((error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  }

  /** Cancels the calls that are under way and closes all connections. */
  destroy(): void {
    // grpc-js's own forceShutdown forgets the sessions where channelz is off (seen in 1.14.7).
    this.#injector.drain(0);
    this.#server.forceShutdown();
  }
}

function handlerCreator(method: AnyMethod): CreateMethodHandler {
  if (method.requestStream)
    return method.responseStream
      ? createBidiStreamingMethodHandler
      : createClientStreamingMethodHandler;
  return method.responseStream
    ? createServerStreamingMethodHandler
    : createUnaryMethodHandler;
}
