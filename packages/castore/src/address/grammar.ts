/** Addresses of stores: what a backend is opened by. Everything that reads one stands here. */
import { CastoreError } from '../errors.ts';
import type { GrpcEndpoint } from '../grpc/channel.ts';

/** An address, taken apart as far as every scheme has it in common. */
export interface Address {
  /** As it was given. */
  readonly text: string;
  /** In lower case, without the colon. */
  readonly scheme: string;
  /** Host, port and path are decoded by whoever knows the scheme. */
  readonly url: URL;
}

/**
 * Reads an address by the WHATWG URL rules.
 *
 * @throws CastoreError `castore/invalid-address`
 */
export function parseAddress(text: string): Address {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw invalidAddress(text, 'not a URL', cause);
  }
  const scheme = url.protocol.slice(0, -1);
  if (scheme === 'sled') {
    throw invalidAddress(
      text,
      'sled stores are not supported; say local:/abs/dir for a store on this disk',
    );
  }
  return { text, scheme, url };
}

/**
 * `memory:`, and nothing behind it.
 *
 * @throws CastoreError `castore/invalid-address`
 */
export function checkMemoryAddress(address: Address): void {
  assertNoHost(address);
  if (address.url.pathname !== '')
    throw invalidAddress(address.text, 'takes no path');
}

/**
 * `local:/abs/dir`: the directory, or `undefined` for `local:` alone, which is a temporary store. Percent-encoded bytes
 * are decoded.
 *
 * @throws CastoreError `castore/invalid-address`
 */
export function parseLocalAddress(address: Address): string | undefined {
  assertNoHost(address);
  if (address.url.pathname === '') return undefined;
  return absolutePath(address);
}

/** The schemes of other daemons. */
export const GRPC_SCHEMES: readonly string[] = [
  'grpc+http',
  'grpc+https',
  'grpc+unix',
];

/** What a `grpc+` address says. */
export interface GrpcAddress {
  readonly endpoint: GrpcEndpoint;
  /** `wait-connect=1`: connect when opened, and fail where that fails. */
  readonly waitConnect: boolean;
}

/**
 * `grpc+http://host:port`, `grpc+https://host:port` or `grpc+unix:///path`, each with `?wait-connect=1` or without. Other
 * parameters are ignored.
 *
 * @throws CastoreError `castore/invalid-address`
 */
export function parseGrpcAddress(address: Address): GrpcAddress {
  const waitConnect = address.url.searchParams.get('wait-connect') === '1';
  switch (address.scheme) {
    case 'grpc+unix':
      assertNoHost(address);
      return {
        endpoint: { type: 'unix', path: absolutePath(address) },
        waitConnect,
      };
    case 'grpc+http':
    case 'grpc+https':
      return { endpoint: tcpEndpoint(address), waitConnect };
    default:
      throw invalidAddress(
        address.text,
        'grpc goes over grpc+http, grpc+https or grpc+unix',
      );
  }
}

/** An address that can't be opened, and why. */
export function invalidAddress(
  text: string,
  why: string,
  cause?: unknown,
): CastoreError {
  return new CastoreError(
    'castore/invalid-address',
    `invalid store address ${JSON.stringify(text)}: ${why}`,
    { cause, details: { address: text } },
  );
}

function tcpEndpoint({ text, scheme, url }: Address): GrpcEndpoint {
  const { hostname, port, pathname, username, password } = url;
  if (hostname === '') throw invalidAddress(text, 'names no host');
  if (username !== '' || password !== '')
    throw invalidAddress(text, 'takes no user');
  if (pathname !== '') throw invalidAddress(text, 'takes no path');
  const tls = scheme === 'grpc+https';
  return {
    type: 'tcp',
    host: hostname,
    port: port === '' ? (tls ? 443 : 80) : Number(port),
    tls,
  };
}

function assertNoHost({ text, url }: Address): void {
  if (url.host !== '' || url.username !== '')
    throw invalidAddress(
      text,
      `takes no host, found ${JSON.stringify(url.host)}`,
    );
}

function absolutePath({ text, url }: Address): string {
  let path: string;
  try {
    path = decodeURIComponent(url.pathname);
  } catch (cause) {
    throw invalidAddress(text, 'its path is not percent-encoded UTF-8', cause);
  }
  if (!path.startsWith('/') || path === '/' || path.includes('\0'))
    throw invalidAddress(text, 'needs an absolute path to somewhere');
  return path;
}
