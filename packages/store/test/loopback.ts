import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGrpcChannel, createGrpcServer } from '@tvix/castore/grpc';

type GrpcServer = ReturnType<typeof createGrpcServer>;
type Channel = ReturnType<typeof createGrpcChannel>;

/** A server on a unix socket, and a channel to it. */
export interface Loopback extends AsyncDisposable {
  readonly server: GrpcServer;
  readonly channel: Channel;
  /** The path of the socket. */
  readonly path: string;
  /** Lets the server vanish; the channel finds nobody any more. */
  sever(): Promise<void>;
}

/** Serves what `add` adds. */
export async function openLoopback(
  add: (server: GrpcServer) => void,
): Promise<Loopback> {
  const server = createGrpcServer();
  add(server);
  const folder = await mkdtemp(join(tmpdir(), 'store-grpc-'));
  const path = join(folder, 'socket');
  await server.listen(`unix://${path}`);
  const channel = createGrpcChannel({ type: 'unix', path });
  return {
    server,
    channel,
    path,
    async sever() {
      // A server that closes still takes what knocks in the meantime.
      await rm(path);
      server.forceShutdown();
    },
    async [Symbol.asyncDispose]() {
      channel.close();
      server.forceShutdown();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
