import { once } from 'node:events';
import { createServer } from 'node:net';
import type { ListenOptions, Server, Socket } from 'node:net';
import { CliError } from '../errors.ts';
import { formatListenAddress } from './listen-address.ts';
import type { ListenAddress } from './listen-address.ts';
import { removeStaleSocket } from './stale-socket.ts';

/** A socket that takes connections. */
export interface Listener {
  /** Where it really listens, in the form of a listen address: a port of 0 has become the port that was given. */
  readonly address: string;
  /** Takes no more connections; those that are open go on. A socket file is removed. */
  close(): void;
}

/** What a listen address means to `net.Server.listen`. */
export type ListenTarget = Exclude<
  ListenAddress,
  { readonly type: 'stdio' } | { readonly type: 'inherited' }
>;

/**
 * Listens, and hands over each connection. The socket file of a daemon that is gone is replaced.
 *
 * @throws CliError `cli/address-in-use`, `cli/cannot-listen`
 */
export async function bind(
  target: ListenTarget,
  onConnection: (socket: Socket) => void,
): Promise<Listener> {
  if (target.type === 'unix') await removeStaleSocket(target.path);
  const address = formatListenAddress(target);
  return listen(listenOptions(target), address, onConnection);
}

/**
 * Listens on a socket that somebody else bound, and hands over each connection.
 *
 * @throws CliError `cli/socket-activation` where it isn't of that family, `cli/cannot-listen`
 */
export async function adopt(
  fd: number,
  family: 'tcp' | 'unix',
  address: string,
  onConnection: (socket: Socket) => void,
): Promise<Listener> {
  const listener = await listen({ fd }, address, onConnection);
  // Only TCP sockets tell their address.
  const found = listener.address === address ? 'unix' : 'tcp';
  if (found === family) return listener;
  listener.close();
  throw new CliError(
    'cli/socket-activation',
    `${address} needs a ${family} socket, but the one handed over is ${found}`,
  );
}

async function listen(
  options: ListenOptions & { fd?: number },
  wanted: string,
  onConnection: (socket: Socket) => void,
): Promise<Listener> {
  const server = createServer({ noDelay: true }, onConnection);
  try {
    server.listen(options);
    await once(server, 'listening');
  } catch (error) {
    throw listenFailure(wanted, error);
  }
  return { address: boundAddress(server, wanted), close: () => server.close() };
}

function listenOptions(target: ListenTarget): ListenOptions {
  switch (target.type) {
    case 'tcp':
      return { host: target.host, port: target.port };
    case 'unix':
      return { path: target.path };
    case 'abstract':
      return { path: `\0${target.name}` };
  }
}

function boundAddress(server: Server, wanted: string): string {
  const bound = server.address();
  return typeof bound === 'object' && bound !== null && 'port' in bound
    ? formatListenAddress({
        type: 'tcp',
        host: bound.address,
        port: bound.port,
      })
    : wanted;
}

function listenFailure(address: string, cause: unknown): CliError {
  const errno = (cause as { readonly code?: unknown } | null)?.code;
  const reason =
    errno === 'EADDRINUSE'
      ? 'the address is in use'
      : errno === 'EADDRNOTAVAIL'
        ? 'this machine has no such address'
        : errno === 'EACCES'
          ? 'permission denied'
          : ((cause as { readonly message?: string } | null)?.message ??
            String(cause));
  return new CliError(
    errno === 'EADDRINUSE' ? 'cli/address-in-use' : 'cli/cannot-listen',
    `cannot listen on ${address}: ${reason}`,
    { cause },
  );
}
