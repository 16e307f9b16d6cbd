import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GrpcEndpoint } from '../../src/grpc/index.ts';

/** A wire to a server that can be cut. */
export interface Severable extends AsyncDisposable {
  readonly endpoint: GrpcEndpoint;
  /** Cuts all connections, and takes no new ones. */
  sever(): void;
}

/** Lays a wire to a server on a unix socket. */
export async function openSeverable(target: GrpcEndpoint): Promise<Severable> {
  if (target.type !== 'unix') throw new TypeError('unix sockets only');
  const folder = await mkdtemp(join(tmpdir(), 'castore-wire-'));
  const path = join(folder, 'socket');
  const sockets = new Set<Socket>();
  const proxy = createServer((near) => {
    const far = connect(target.path);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
      from.pipe(to);
    }
  });
  proxy.listen(path);
  await once(proxy, 'listening');
  const sever = (): void => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  };
  return {
    endpoint: { type: 'unix', path },
    sever,
    async [Symbol.asyncDispose]() {
      sever();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
