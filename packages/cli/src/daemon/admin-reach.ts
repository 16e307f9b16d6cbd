import { CliError } from '../errors.ts';
import { isWiderThanLoopback } from './listen-address.ts';
import type { ListenAddress } from './listen-address.ts';

/**
 * Where a daemon lets its store be administered, each wider than the one before:
 *
 * - `none`: nowhere.
 * - `unix`: on unix sockets in the file system, whose modes say who may connect, and on standard input.
 * - `local`: on abstract sockets and loopback addresses, too, that is for every user of this machine.
 * - `all`: wherever it listens.
 */
export type AdminReach = 'none' | 'unix' | 'local' | 'all';

/** Where it does unless it is told otherwise. */
export const DEFAULT_ADMIN_REACH: AdminReach = 'local';

/** @throws CliError `cli/usage` */
export function parseAdminReach(text: string): AdminReach {
  switch (text) {
    case 'none':
    case 'unix':
    case 'local':
    case 'all':
      return text;
    default:
      throw new CliError(
        'cli/usage',
        `--admin is none, unix, local or all, not "${text}"`,
      );
  }
}

/** Whether who connects to an address may administer the store. */
export function isAdministered(
  address: ListenAddress,
  reach: AdminReach,
): boolean {
  switch (reach) {
    case 'none':
      return false;
    case 'unix':
      return isUnix(address);
    case 'local':
      return isUnix(address) || isLoopback(address);
    case 'all':
      return true;
  }
}

function isUnix(address: ListenAddress): boolean {
  return (
    address.type === 'unix' ||
    address.type === 'stdio' ||
    (address.type === 'inherited' && address.family === 'unix')
  );
}

/** Where an inherited TCP socket is bound isn't known beforehand: it counts as wide. */
function isLoopback(address: ListenAddress): boolean {
  return (
    address.type === 'abstract' ||
    (address.type === 'tcp' && !isWiderThanLoopback(address.host))
  );
}
