import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Channel } from '@grpc/grpc-js';
import { MemoryBlobService } from '../../src/blob-service/memory.ts';
import { MemoryDirectoryService } from '../../src/directory-service/memory.ts';
import {
  GrpcBlobService,
  GrpcDirectoryService,
  addCastoreServices,
  createGrpcChannel,
  createGrpcServer,
} from '../../src/grpc/index.ts';
import type { CastoreServices, GrpcEndpoint } from '../../src/grpc/index.ts';

type GrpcServer = ReturnType<typeof createGrpcServer>;

/** A server on a real socket, and a channel to it. */
export interface Loopback extends AsyncDisposable {
  readonly server: GrpcServer;
  readonly endpoint: GrpcEndpoint;
  readonly channel: Channel;
  readonly blobs: GrpcBlobService;
  readonly directories: GrpcDirectoryService;
}

/** Serves on a unix socket, or on TCP, what `add` adds. */
export async function openLoopback(
  add: (server: GrpcServer) => void,
  transport: 'unix' | 'tcp' = 'unix',
): Promise<Loopback> {
  const server = createGrpcServer();
  add(server);
  const folder = await mkdtemp(join(tmpdir(), 'castore-grpc-'));
  const path = join(folder, 'socket');
  const port = await server.listen(
    transport === 'unix' ? `unix://${path}` : '127.0.0.1:0',
  );
  const endpoint: GrpcEndpoint =
    transport === 'unix'
      ? { type: 'unix', path }
      : { type: 'tcp', host: '127.0.0.1', port, tls: false };
  const channel = createGrpcChannel(endpoint);
  return {
    server,
    endpoint,
    channel,
    blobs: new GrpcBlobService(channel),
    directories: new GrpcDirectoryService(channel),
    async [Symbol.asyncDispose]() {
      channel.close();
      server.forceShutdown();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Serves the services of this package over memory, or over what is given. */
export async function openCastoreLoopback(
  services: Partial<CastoreServices> = {},
  transport: 'unix' | 'tcp' = 'unix',
): Promise<Loopback & { readonly backend: CastoreServices }> {
  const backend = {
    blobs: new MemoryBlobService(),
    directories: new MemoryDirectoryService(),
    ...services,
  };
  const loopback = await openLoopback(
    (server) => addCastoreServices(server, backend),
    transport,
  );
  return { ...loopback, backend };
}

/** All of a stream of bytes. */
export async function collect(
  pieces: AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return new Uint8Array(Buffer.concat(all));
}

/** Bytes without a period that a mistake could hide in. */
export function patternBytes(length: number, seed = 1): Uint8Array {
  // A global is slow to reach from inside Jest.
  const { imul } = Math;
  const bytes = new Uint8Array(length);
  let state = seed >>> 0;
  for (let at = 0; at < length; at++) {
    state = (imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
