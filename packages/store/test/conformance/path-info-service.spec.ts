import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from '@jest/globals';
import { openLocalStore } from '@tvix/castore';
import type { LocalStore } from '@tvix/castore';
import { runPathInfoServiceConformance } from '../../src/conformance/index.ts';
import type { PathInfoServiceSubject } from '../../src/conformance/index.ts';
import { addStoreServices, GrpcPathInfoService } from '../../src/grpc/index.ts';
import { LocalPathInfoService } from '../../src/path-info-service/local.ts';
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

let folder: string;
const stores = new Map<PathInfoService, LocalStore>();

async function openLocal(): Promise<PathInfoService> {
  const store = await openLocalStore(folder, { reserveBytes: 0 });
  const service = new LocalPathInfoService(store);
  stores.set(service, store);
  return service;
}

const local: PathInfoServiceSubject = {
  async create() {
    folder = await mkdtemp(join(tmpdir(), 'store-path-infos-'));
    return openLocal();
  },
  async destroy(service) {
    await stores.get(service)!.close();
    await rm(folder, { recursive: true, force: true });
  },
  async reopen(service) {
    await stores.get(service)!.close();
    return openLocal();
  },
};

const subjects = { memory, local };

for (const [name, subject] of Object.entries(subjects)) {
  describe(`the path info service ${name}`, () => {
    runPathInfoServiceConformance(runner, subject);
  });
  describe(`the path info service ${name} over gRPC`, () => {
    runPathInfoServiceConformance(runner, overGrpc(subject));
  });
}
