/**
 * What nice-grpc makes its servers of. Its declarations leave these out, since they are internal: the exact version of
 * nice-grpc that package.json pins is the one that this describes (see `rpc-server.ts` for the reason).
 */
declare module 'nice-grpc/lib/service-definitions/index.js' {
  import type { ServiceDefinition as GrpcJsServiceDefinition } from '@grpc/grpc-js';
  import type { CompatServiceDefinition, ServiceDefinition } from 'nice-grpc';

  export function normalizeServiceDefinition(
    definition: CompatServiceDefinition,
  ): ServiceDefinition;
  export function toGrpcJsServiceDefinition(
    definition: ServiceDefinition,
  ): GrpcJsServiceDefinition;
}

declare module 'nice-grpc/lib/server/handleUnaryCall.js' {
  import type { UntypedHandleCall } from '@grpc/grpc-js';
  import type { MethodDefinition } from 'nice-grpc';

  /** How the function that grpc-js calls is made out of the one that a service implements. */
  export type CreateMethodHandler = (
    definition: MethodDefinition<unknown, unknown, unknown, unknown>,
    implementation: (...args: never[]) => unknown,
  ) => UntypedHandleCall;

  export const createUnaryMethodHandler: CreateMethodHandler;
}

declare module 'nice-grpc/lib/server/handleServerStreamingCall.js' {
  import type { CreateMethodHandler } from 'nice-grpc/lib/server/handleUnaryCall.js';

  export const createServerStreamingMethodHandler: CreateMethodHandler;
}

declare module 'nice-grpc/lib/server/handleClientStreamingCall.js' {
  import type { CreateMethodHandler } from 'nice-grpc/lib/server/handleUnaryCall.js';

  export const createClientStreamingMethodHandler: CreateMethodHandler;
}

declare module 'nice-grpc/lib/server/handleBidiStreamingCall.js' {
  import type { CreateMethodHandler } from 'nice-grpc/lib/server/handleUnaryCall.js';

  export const createBidiStreamingMethodHandler: CreateMethodHandler;
}
