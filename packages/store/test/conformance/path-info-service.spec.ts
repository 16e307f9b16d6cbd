import { afterEach, beforeEach, describe, it } from '@jest/globals';
import { runPathInfoServiceConformance } from '../../src/conformance/index.ts';
import type { PathInfoServiceSubject } from '../../src/conformance/index.ts';
import { addStoreServices, GrpcPathInfoService } from '../../src/grpc/index.ts';
import { MemoryPathInfoService } from '../../src/path-info-service/memory.ts';
import type { PathInfoService } from '../../src/path-info-service/path-info-service.ts';
import { openLoopback } from '../loopback.ts';
import type { Loopback } from '../loopback.ts';

const runner = { describe, it, beforeEach, afterEach };

/** The subject as a client sees it that reaches it through a server. */
function overGrpc(subject: PathInfoServiceSubject): PathInfoServiceSubject {
  const open = new Map<PathInfoService, [PathInfoService, Loopback]>();
  return {
    async create() {
      const backend = await subject.create();
      const loopback = await openLoopback((server) =>
        addStoreServices(server, {
          pathInfos: backend,
          narCalculation: {
            calculateNar: () => Promise.reject(new TypeError('not asked for')),
          },
        }),
      );
      const client = new GrpcPathInfoService(loopback.channel);
      open.set(client, [backend, loopback]);
      return client;
    },
    async destroy(client) {
      const [backend, loopback] = open.get(client)!;
      await loopback[Symbol.asyncDispose]();
      await subject.destroy?.(backend);
    },
  };
}

const memory: PathInfoServiceSubject = {
  create: () => new MemoryPathInfoService(),
};

const subjects = { memory };

for (const [name, subject] of Object.entries(subjects)) {
  describe(`the path info service ${name}`, () => {
    runPathInfoServiceConformance(runner, subject);
  });
  describe(`the path info service ${name} over gRPC`, () => {
    runPathInfoServiceConformance(runner, overGrpc(subject));
  });
}
