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
  export const createUnaryMethodHandler: import('./rpc-server.ts').CreateMethodHandler;
}

declare module 'nice-grpc/lib/server/handleServerStreamingCall.js' {
  export const createServerStreamingMethodHandler: import('./rpc-server.ts').CreateMethodHandler;
}

declare module 'nice-grpc/lib/server/handleClientStreamingCall.js' {
  export const createClientStreamingMethodHandler: import('./rpc-server.ts').CreateMethodHandler;
}

declare module 'nice-grpc/lib/server/handleBidiStreamingCall.js' {
  export const createBidiStreamingMethodHandler: import('./rpc-server.ts').CreateMethodHandler;
}
