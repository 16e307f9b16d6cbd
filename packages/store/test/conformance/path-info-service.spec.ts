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

const memory: PathInfoServiceSubject = {
  name: 'memory',
  create: async () => new MemoryPathInfoService(),
  destroy: async () => {},
};

const stores = new Map<PathInfoService, LocalStore>();

async function openLocal(folder: string): Promise<PathInfoService> {
  const store = await openLocalStore(folder, { reserveBytes: 0 });
  const service = new LocalPathInfoService(store);
  stores.set(service, store);
  return service;
}

const local: PathInfoServiceSubject = {
  name: 'local',
  create: async () =>
    openLocal(await mkdtemp(join(tmpdir(), 'store-path-infos-'))),
  async destroy(service) {
    const store = stores.get(service)!;
    await store.close();
    await rm(store.directory, { recursive: true, force: true });
  },
  async reopen(service) {
    const store = stores.get(service)!;
    await store.close();
    return openLocal(store.directory);
  },
  async corrupt(service, outputHash) {
    await stores
      .get(service)!
      .table('path-infos')
      .put(outputHash, Uint8Array.of(0x0a, 0xff));
    return service;
  },
  async cut(service) {
    await stores.get(service)!.close();
    return service;
  },
};

/** The subject as a client sees it that reaches it through a server. */
function overGrpc(subject: PathInfoServiceSubject): PathInfoServiceSubject {
  const open = new Map<PathInfoService, [PathInfoService, Loopback]>();
  return {
    name: `${subject.name} over gRPC`,
    async create() {
      const backend = await subject.create();
      const narCalculation = {
        calculateNar: () => Promise.reject(new TypeError('not asked for')),
      };
      const loopback = await openLoopback((server) =>
        addStoreServices(server, { pathInfos: backend, narCalculation }),
      );
      const client = new GrpcPathInfoService(loopback.channel);
      open.set(client, [backend, loopback]);
      return client;
    },
    async destroy(client) {
      const [backend, loopback] = open.get(client)!;
      await loopback[Symbol.asyncDispose]();
      await subject.destroy(backend);
    },
    ...(subject.corrupt && {
      async corrupt(client: PathInfoService, outputHash: Uint8Array) {
        await subject.corrupt!(open.get(client)![0], outputHash);
        return client;
      },
    }),
    async cut(client) {
      await open.get(client)![1].sever();
      return client;
    },
  };
}

for (const subject of [memory, local]) {
  runPathInfoServiceConformance(runner, subject);
  runPathInfoServiceConformance(runner, overGrpc(subject));
}
