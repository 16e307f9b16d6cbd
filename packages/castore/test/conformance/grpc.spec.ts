import type { Channel } from '@grpc/grpc-js';
import { LocalBlobService } from '../../src/blob-service/local.ts';
import {
  runBlobServiceConformance,
  runDirectoryServiceConformance,
} from '../../src/conformance/index.ts';
import { LocalDirectoryService } from '../../src/directory-service/local.ts';
import {
  createGrpcChannel,
  GrpcBlobService,
  GrpcDirectoryService,
} from '../../src/grpc/index.ts';
import type { CastoreServices } from '../../src/grpc/index.ts';
import { openCastoreLoopback } from '../grpc/loopback.ts';
import type { Loopback } from '../grpc/loopback.ts';
import { openSeverable } from '../grpc/severable.ts';
import type { Severable } from '../grpc/severable.ts';
import { TemporaryStore } from '../local-store/temporary-store.ts';
import { runner } from './runner.ts';

interface Backend {
  readonly services?: CastoreServices;
  readonly destroy: () => Promise<void>;
}

const BACKENDS: Readonly<Record<string, () => Promise<Backend>>> = {
  memory: async () => ({ destroy: async () => {} }),
  local: async () => {
    const temporary = await TemporaryStore.create();
    const { store } = temporary;
    return {
      services: {
        blobs: new LocalBlobService(store),
        directories: new LocalDirectoryService(store),
      },
      destroy: () => temporary.destroy(),
    };
  },
};

/** Runs a client of a server in this process over a backend. */
function grpcSubject<Service extends object>(
  name: string,
  pick: (channel: Channel) => Service,
) {
  const open = new WeakMap<
    Service,
    { server: Loopback; wire: Severable; channel: Channel; backend: Backend }
  >();
  return {
    name: `gRPC, served from ${name}`,
    create: async () => {
      const backend = await BACKENDS[name]!();
      const server = await openCastoreLoopback(backend.services);
      const wire = await openSeverable(server.endpoint);
      const channel = createGrpcChannel(wire.endpoint);
      const service = pick(channel);
      open.set(service, { server, wire, channel, backend });
      return service;
    },
    destroy: async (service: Service) => {
      const { server, wire, channel, backend } = open.get(service)!;
      channel.close();
      await wire[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await backend.destroy();
    },
    cut: async (service: Service) => {
      open.get(service)!.wire.sever();
      return service;
    },
  };
}

for (const backend of Object.keys(BACKENDS)) {
  runBlobServiceConformance(
    runner,
    grpcSubject(backend, (channel) => new GrpcBlobService(channel)),
  );
  runDirectoryServiceConformance(
    runner,
    grpcSubject(backend, (channel) => new GrpcDirectoryService(channel)),
  );
}
