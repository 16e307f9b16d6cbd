import { homedir, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

type Environment = Readonly<Record<string, string | undefined>>;

/** The addresses of the three services. */
export interface ServiceAddresses {
  readonly blobs: string;
  readonly directories: string;
  readonly pathInfos: string;
}

/** A setting that a flag or an environment variable makes. */
interface Setting {
  readonly flag: string;
  readonly variable: string;
  readonly help: string;
}

/** Sets all three services. */
export const STORE_SETTING: Setting = {
  flag: 'store',
  variable: 'TVIX_STORE',
  help: 'address of the store: all three services',
};

/** Each sets one service, whatever the store is. */
export const SERVICE_SETTINGS: Readonly<
  Record<keyof ServiceAddresses, Setting>
> = {
  blobs: {
    flag: 'blob-service-addr',
    variable: 'BLOB_SERVICE_ADDR',
    help: 'address of the blob service alone',
  },
  directories: {
    flag: 'directory-service-addr',
    variable: 'DIRECTORY_SERVICE_ADDR',
    help: 'address of the directory service alone',
  },
  pathInfos: {
    flag: 'path-info-service-addr',
    variable: 'PATH_INFO_SERVICE_ADDR',
    help: 'address of the path info service alone',
  },
};

/** The flags that were given, by their names without dashes in front. */
export type GivenFlags = Readonly<Record<string, string | undefined>>;

/**
 * The addresses that flags and environment come to. For each service, its own flag or else its own variable decides; where
 * there is neither, the store's flag, else the store's variable, else the default.
 */
export function resolveAddresses(
  flags: GivenFlags,
  env: Environment,
  defaultStore: string,
): ServiceAddresses {
  const store = settingOf(STORE_SETTING, flags, env) ?? defaultStore;
  const addressOf = (service: keyof ServiceAddresses): string =>
    settingOf(SERVICE_SETTINGS[service], flags, env) ?? store;
  return {
    blobs: addressOf('blobs'),
    directories: addressOf('directories'),
    pathInfos: addressOf('pathInfos'),
  };
}

/** The variables that take a service away from the store that a flag names: worth a warning. */
export function variablesBesideStoreFlag(
  flags: GivenFlags,
  env: Environment,
): readonly string[] {
  if (flags[STORE_SETTING.flag] === undefined) return [];
  return Object.values(SERVICE_SETTINGS)
    .filter(
      ({ flag, variable }) => flags[flag] === undefined && isSet(env[variable]),
    )
    .map(({ variable }) => variable);
}

/** What the daemon serves by default: the store in the user's state directory. */
export function defaultDaemonStore(env: Environment): string {
  const state = isSet(env['XDG_STATE_HOME'])
    ? env['XDG_STATE_HOME']
    : join(env['HOME'] ?? homedir(), '.local/state');
  return localAddress(join(state, 'tvix-store'));
}

/** Where every other command looks by default: the daemon on this machine. */
export function defaultClientStore(): string {
  return `grpc+http://${hasIpv6Loopback() ? '[::1]' : '127.0.0.1'}:8000`;
}

/** The address of the local store in a directory. */
export function localAddress(directory: string): string {
  return `local:${pathToFileURL(directory).pathname}`;
}

/** Whether this machine has the address `::1`. */
export function hasIpv6Loopback(): boolean {
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === '::1'),
  );
}

function settingOf(
  { flag, variable }: Setting,
  flags: GivenFlags,
  env: Environment,
): string | undefined {
  return flags[flag] ?? (isSet(env[variable]) ? env[variable] : undefined);
}

/** An empty variable counts as none, as everywhere in Unix. */
function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}
