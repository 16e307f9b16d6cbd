import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { CliError } from '../errors.ts';
import { hasIpv6Loopback } from '../config.ts';
import type { Logger } from '../logging.ts';
import { adopt, bind } from './bind.ts';
import type { Listener } from './bind.ts';
import { inheritedSocket } from './inherited.ts';
import { formatListenAddress, isWiderThanLoopback } from './listen-address.ts';
import type { ListenAddress } from './listen-address.ts';
import { stdioConnection } from './stdio-connection.ts';

/** The port of the protocol. */
export const DEFAULT_PORT = 8000;

/** What {@link openListeners} needs. */
export interface ListenersOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  /** Takes each connection, and where it came in. */
  readonly onConnection: (connection: Duplex, address: ListenAddress) => void;
  /** The connection on standard input has ended; there won't be another. */
  readonly onStdioEnd: () => void;
}

/** Where a daemon listens that isn't told: this machine's own addresses, and no wider. */
export function defaultListenAddresses(logger: Logger): ListenAddress[] {
  const v4 = { type: 'tcp', host: '127.0.0.1', port: DEFAULT_PORT } as const;
  if (hasIpv6Loopback()) return [v4, { ...v4, host: '::1' }];
  logger.info('no ::1 on this machine: listening on 127.0.0.1 only');
  return [v4];
}

/**
 * Listens on all of the addresses, or on none: what was opened before a failure is closed again.
 *
 * @throws CliError `cli/usage`, `cli/address-in-use`, `cli/cannot-listen`, `cli/socket-activation`
 */
export async function openListeners(
  addresses: readonly ListenAddress[],
  options: ListenersOptions,
): Promise<Listener[]> {
  assertEachOnce(addresses);
  const listeners: Listener[] = [];
  try {
    for (const address of addresses)
      listeners.push(await openListener(address, options));
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
  return listeners;
}

async function openListener(
  address: ListenAddress,
  { env, logger, onConnection, onStdioEnd }: ListenersOptions,
): Promise<Listener> {
  switch (address.type) {
    case 'inherited':
      return adopt(
        inheritedSocket(env, process.pid),
        address.family,
        formatListenAddress(address),
        (connection) => onConnection(connection, address),
      );
    case 'stdio': {
      const connection = stdioConnection();
      void once(connection, 'close').then(onStdioEnd, onStdioEnd);
      onConnection(connection, address);
      return { address: 'stdio', close: () => {} };
    }
    default:
      if (address.type === 'tcp' && isWiderThanLoopback(address.host))
        logger.warn(
          { address: formatListenAddress(address) },
          'anybody who reaches this address can read and write the store: nothing authenticates',
        );
      return bind(address, (connection) => onConnection(connection, address));
  }
}

/** There is one standard input, and one socket is taken from the service manager. */
function assertEachOnce(addresses: readonly ListenAddress[]): void {
  for (const type of ['stdio', 'inherited'] as const)
    if (addresses.filter((address) => address.type === type).length > 1)
      throw new CliError(
        'cli/usage',
        `only one listen address can be ${type === 'stdio' ? 'stdio' : 'sd-listen or sd-listen-unix'}`,
      );
}
