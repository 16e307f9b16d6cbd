import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { CliError } from '../errors.ts';

/** Where the daemon takes connections from. */
export type ListenAddress =
  | {
      readonly type: 'tcp';
      /** An IPv4 or IPv6 address, without brackets. */
      readonly host: string;
      readonly port: number;
    }
  /** A unix socket in the file system. */
  | { readonly type: 'unix'; readonly path: string }
  /** A unix socket that lives in the kernel only (Linux). */
  | { readonly type: 'abstract'; readonly name: string }
  /** One connection, on standard input and output. */
  | { readonly type: 'stdio' }
  /** A listening socket that the service manager hands over, as sd_listen_fds(3) tells. */
  | { readonly type: 'inherited'; readonly family: 'tcp' | 'unix' };

/** The forms, for help texts and errors. */
export const LISTEN_ADDRESS_FORMS =
  'HOST:PORT with an IPv4 address or a bracketed IPv6 address, /path or ./path of a unix socket, @name of an abstract one, stdio, sd-listen, sd-listen-unix';

const PORT = /^\d{1,5}$/;

/**
 * Reads a listen address; the forms are tried in this order: a unix path, an abstract name, standard input, socket
 * activation, an address with a port. Names of hosts aren't taken.
 *
 * @throws CliError `cli/usage`
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('/') || text.startsWith('./'))
    return { type: 'unix', path: text };
  if (text.startsWith('@') && text.length > 1)
    return { type: 'abstract', name: text.slice(1) };
  switch (text.toLowerCase()) {
    case '-':
    case 'stdio':
    case 'inetd':
      return { type: 'stdio' };
    case 'sd-listen':
    case 'sd_listen':
      return { type: 'inherited', family: 'tcp' };
    case 'sd-listen-unix':
    case 'sd_listen_unix':
      return { type: 'inherited', family: 'unix' };
  }
  const tcp = parseTcp(text);
  if (tcp !== undefined) return tcp;
  throw new CliError(
    'cli/usage',
    `not a listen address: "${text}" (expected ${LISTEN_ADDRESS_FORMS})`,
  );
}

function parseTcp(text: string): ListenAddress | undefined {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, Math.max(colon, 0));
  const portText = text.slice(colon + 1);
  const port = Number(portText);
  if (!PORT.test(portText) || port > 0xffff) return undefined;
  if (isIPv4(host)) return { type: 'tcp', host, port };
  const inBrackets = /^\[(.*)\]$/.exec(host)?.[1];
  return inBrackets !== undefined && isIPv6(inBrackets)
    ? { type: 'tcp', host: inBrackets, port }
    : undefined;
}

/** Writes a listen address in the form that is read. */
export function formatListenAddress(address: ListenAddress): string {
  switch (address.type) {
    case 'tcp':
      return isIPv6(address.host)
        ? `[${address.host}]:${address.port}`
        : `${address.host}:${address.port}`;
    case 'unix':
      return address.path;
    case 'abstract':
      return `@${address.name}`;
    case 'stdio':
      return 'stdio';
    case 'inherited':
      return address.family === 'tcp' ? 'sd-listen' : 'sd-listen-unix';
  }
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether others than this machine's users may reach a TCP address. */
export function isWiderThanLoopback(host: string): boolean {
  return !LOOPBACK.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');
}
