import { readFileSync } from 'node:fs';
import { defaultClientStore } from './config.ts';
import type { ServiceAddresses } from './config.ts';
import {
  formatListenAddress,
  parseListenAddress,
} from './daemon/listen-address.ts';
import { CliError } from './errors.ts';
import { firstFailure } from './first-failure.ts';

/** The flag that says where a daemon listens, as it may be written: its address follows, or stands behind it. */
const LISTEN_FLAG = /^(?:-l|--listen-address(?:=|$))/;

/** A failure to reach a store, with what the user can do about it; any other failure as it is. */
export function explainStoreFailure(
  thrown: unknown,
  addresses: ServiceAddresses,
): unknown {
  const error = firstFailure(thrown);
  const { code, message, details } = (error ?? {}) as {
    readonly code?: unknown;
    readonly message?: string;
    readonly details?: { readonly holder?: { readonly pid?: unknown } };
  };
  if (code === 'castore/store-locked') {
    const address = addressOfDaemon(details?.holder?.pid);
    return new CliError(
      'cli/store-in-use',
      address === undefined
        ? `${message}`
        : `${message}\nThat is a daemon: use it with --store ${address}`,
      { cause: error },
    );
  }
  if (
    code === 'castore/unavailable' &&
    Object.values(addresses).includes(defaultClientStore())
  )
    return new CliError(
      'cli/no-daemon',
      `no daemon answers at ${defaultClientStore()}\nStart one with: tvix-store daemon\nOr name a store that needs none: --store local:/some/dir`,
      { cause: error },
    );
  return error;
}

/**
 * The address at which the daemon of a process is reached, judging by its command line; `undefined` where the process is
 * no daemon, or can't be looked at.
 */
export function addressOfDaemon(
  pid: unknown,
  readCommandLine: (pid: number) => string = (pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8'),
): string | undefined {
  if (typeof pid !== 'number') return undefined;
  let args: string[];
  try {
    args = readCommandLine(pid).split('\0');
  } catch {
    return undefined;
  }
  if (!args.includes('daemon')) return undefined;
  const flag = args.findIndex((arg) => LISTEN_FLAG.test(arg));
  if (flag < 0) return defaultClientStore();
  const attached = args[flag]!.replace(LISTEN_FLAG, '');
  return storeAddress(attached === '' ? (args[flag + 1] ?? '') : attached);
}

function storeAddress(listenAddress: string): string | undefined {
  let address;
  try {
    address = parseListenAddress(listenAddress);
  } catch {
    return undefined;
  }
  if (address.type === 'unix' && address.path.startsWith('/'))
    return `grpc+unix://${address.path}`;
  if (address.type !== 'tcp') return undefined;
  const { host } = address;
  const reachable =
    host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `grpc+http://${formatListenAddress({ ...address, host: reachable })}`;
}
