import {
  LocalBlobService,
  LocalDirectoryService,
  openLocalStore,
  parseAddress,
} from '@tvix/castore';
import type { Node } from '@tvix/castore';
import {
  addCastoreServices,
  createGrpcServer,
  openGrpcAddress,
} from '@tvix/castore/grpc';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  LiveServices,
  ServicesModuleRef,
} from '../../../dist/fuse/index.js';
import { memoryServices } from '../../support/tree.ts';
import type { Services } from '../../support/tree.ts';

/** A store to fill and then to mount. */
export interface Backend {
  readonly services: Services;
  /** What a mount of these root nodes is given. */
  mountable(roots: ReadonlyMap<string, Node>): (
    LiveServices | { readonly services: ServicesModuleRef }
  ) & {
    readonly withoutLibc?: boolean;
  };
  close(): Promise<void>;
}

/** Root nodes that may change later on: what is put into the map shows. */
export function rootNodesFromMap(
  roots: ReadonlyMap<string, Node>,
): LiveServices['rootNodes'] {
  return {
    get: async (name) => roots.get(Buffer.from(name).toString()),
    async *list() {
      for (const [name, node] of roots)
        yield { name: Buffer.from(name) as never, node };
    },
  };
}

async function memory(withoutLibc = false): Promise<Backend> {
  const services = memoryServices();
  return {
    services,
    mountable: (roots) => ({
      ...services,
      rootNodes: rootNodesFromMap(roots),
      withoutLibc,
    }),
    close: async () => undefined,
  };
}

async function local(isOpenedByServer: boolean): Promise<Backend> {
  const directory = await mkdtemp(join(tmpdir(), 'tvix-fs-store-'));
  const store = await openLocalStore(directory, { reserveBytes: 0 });
  const services = {
    blobs: new LocalBlobService(store),
    directories: new LocalDirectoryService(store),
  };
  return {
    services,
    mountable: (roots) =>
      isOpenedByServer
        ? {
            services: {
              module: new URL('./local-services.mjs', import.meta.url),
              options: { directory, roots: [...roots].map(plain) },
            },
          }
        : { ...services, rootNodes: rootNodesFromMap(roots) },
    async close() {
      await store.close();
      await rm(directory, { recursive: true });
    },
  };
}

function plain([name, node]: [string, Node]): [string, object] {
  return [
    name,
    node.type === 'symlink'
      ? { ...node }
      : { ...node, digest: node.digest.bytes },
  ];
}

async function grpc(): Promise<Backend> {
  const directory = await mkdtemp(join(tmpdir(), 'tvix-fs-grpc-'));
  const server = createGrpcServer();
  addCastoreServices(server, memoryServices());
  const socket = join(directory, 'socket');
  await server.listen(`unix:${socket}`);
  const client = await openGrpcAddress(parseAddress(`grpc+unix:${socket}`));
  const services = client as Services;
  return {
    services,
    mountable: (roots) => ({ ...services, rootNodes: rootNodesFromMap(roots) }),
    async close() {
      await client.close();
      server.forceShutdown();
      await rm(directory, { recursive: true });
    },
  };
}

/** Every store that a mount may stand on, and every way to it. */
export const BACKENDS: readonly (readonly [
  name: string,
  open: () => Promise<Backend>,
])[] = [
  ['memory, asked across threads', () => memory()],
  ['memory, the device read through libuv', () => memory(true)],
  ['a local store, asked across threads', () => local(false)],
  ['a local store, opened by the serving thread', () => local(true)],
  ['another daemon over gRPC', () => grpc()],
];
