import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import { PublicKey, SecretKey } from '@tvix/nar';
import {
  BinaryCache,
  createBinaryCacheServer,
  localPathHolds,
  localUploads,
  Netrc,
  openAccess,
  PathSigner,
  TokenAccess,
  UnpackingThreads,
} from '@tvix/store/binary-cache';
import type {
  Access,
  CacheServer,
  ServedRequest,
} from '@tvix/store/binary-cache';
import { CliError } from '../errors.ts';
import type { Logger } from '../logging.ts';
import type { OpenStore } from '../services.ts';
import {
  formatListenAddress,
  isWiderThanLoopback,
  parseListenAddress,
} from './listen-address.ts';
import type { ListenAddress } from './listen-address.ts';
import { GRACE_MS } from './grace.ts';
import { openSideTables } from './side-tables.ts';
import type { SideTables } from './side-tables.ts';
import { removeStaleSocket } from './stale-socket.ts';
import { createSubstituter } from './upstreams.ts';

/** The flags of the daemon that are about the binary cache. */
export interface HttpCacheFlags {
  readonly httpListen?: readonly string[];
  readonly httpTokens?: string;
  readonly httpTlsCert?: string;
  readonly httpTlsKey?: string;
  readonly httpUrl?: string;
  readonly httpState?: string;
  readonly priority?: string;
  /** False where `--no-mass-query` is given. */
  readonly massQuery?: boolean;
  readonly upstream?: readonly string[];
  readonly netrcFile?: string;
  readonly signKey?: readonly string[];
  readonly trustedPublicKey?: readonly string[];
  readonly requireTrustedSignature?: boolean;
}

/** The options that mean nothing without a listener. */
const FLAGS_OF_LISTENER = [
  'httpTokens',
  'httpTlsCert',
  'httpTlsKey',
  'httpUrl',
  'httpState',
  'priority',
  'noMassQuery',
  'upstream',
  'netrcFile',
  'signKey',
  'trustedPublicKey',
  'requireTrustedSignature',
];

/** A running binary cache. */
export interface HttpCache {
  readonly addresses: readonly string[];
  /**
   * Takes no more requests, and resolves when those under way are over: false where some were cut off, by the signal or
   * because they took longer than calls may.
   */
  stop(hard?: AbortSignal, graceMs?: number): Promise<boolean>;
}

const SWEEP_MS = 100;

type HttpListenAddress = Extract<ListenAddress, { type: 'tcp' | 'unix' }>;

/**
 * Serves a store as a Nix binary cache, where flags ask for one.
 *
 * @throws CliError `cli/usage`, `cli/io`, `cli/address-in-use`, `cli/cannot-listen`; NarError and StoreError for keys,
 *   tokens and upstreams that make no sense
 */
export async function startHttpCache(
  flags: HttpCacheFlags,
  store: OpenStore,
  logger: Logger,
): Promise<HttpCache | undefined> {
  if (flags.httpListen === undefined) {
    assertNoneAsked(flags);
    return undefined;
  }
  const addresses = flags.httpListen.map(parseHttpAddress);
  const tls = await readTls(flags);
  const side = await openSideTables(store, flags.httpState, logger);
  const servers: CacheServer[] = [];
  try {
    const cache = await createCache(flags, addresses[0]!, store, side, logger);
    for (const address of addresses) {
      const server = createBinaryCacheServer(cache, {
        access: await accessFor(flags, address),
        onRequest: (request) => logRequest(request, logger),
        ...(tls && { tls }),
      });
      await listen(server, address);
      servers.push(server);
    }
  } catch (error) {
    for (const server of servers) server.close();
    await side.close();
    throw error;
  }
  const scheme = tls === undefined ? 'http' : 'https';
  return {
    addresses: servers.map((server) => `${scheme}://${addressOf(server)}`),
    async stop(hard, graceMs = GRACE_MS) {
      const isGentle = await stop(servers, hard, graceMs);
      await side.close();
      if (!isGentle) logger.warn('transfers that did not finish were cut off');
      return isGentle;
    },
  };
}

/** Whoever asks for tokens or upstreams and isn't served must not believe to be. */
function assertNoneAsked(flags: HttpCacheFlags): void {
  const { massQuery, ...rest } = flags;
  const asked: Record<string, unknown> = {
    ...rest,
    noMassQuery: massQuery === false ? true : undefined,
  };
  for (const key of FLAGS_OF_LISTENER) {
    if (asked[key] === undefined) continue;
    const flag = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new CliError(
      'cli/usage',
      `--${flag} is about the binary cache, which --http-listen serves`,
    );
  }
}

async function createCache(
  flags: HttpCacheFlags,
  address: HttpListenAddress,
  store: OpenStore,
  side: SideTables,
  logger: Logger,
): Promise<BinaryCache> {
  const keys = await Promise.all((flags.signKey ?? []).map(readSecretKey));
  const trustedKeys = (flags.trustedPublicKey ?? []).map((key) =>
    PublicKey.parse(key),
  );
  const { netrcFile } = flags;
  const unpacker = new UnpackingThreads();
  const substituter = createSubstituter(
    flags.upstream ?? [],
    {
      ...(netrcFile !== undefined && {
        netrc: Netrc.parse(await read(netrcFile)),
      }),
      ...(trustedKeys.length > 0 && { trustedKeys }),
      unpacker,
    },
    store,
    side,
    logger,
  );
  const { localStore, isAllLocal } = store;
  const isOneStore =
    localStore !== undefined && isAllLocal && flags.httpState === undefined;
  const priority = flags.priority === undefined ? 30 : Number(flags.priority);
  if (!Number.isSafeInteger(priority) || priority < 0)
    throw new CliError('cli/usage', `not a priority: ${flags.priority}`);
  const publicUrl = flags.httpUrl ?? ownUrl(address, flags);
  return new BinaryCache(
    {
      ...store,
      tables: side.tables,
      ...(localStore && { holdPaths: localPathHolds(localStore) }),
      unpacker,
      ...(isOneStore && { openUpload: localUploads(localStore) }),
      ...(substituter && { substituter }),
    },
    {
      priority,
      wantMassQuery: flags.massQuery !== false,
      trustedKeys,
      requireTrustedSignature: flags.requireTrustedSignature === true,
      ...(keys.length > 0 && { signer: new PathSigner(keys) }),
      ...(publicUrl !== undefined && { publicUrl }),
    },
  );
}

async function readSecretKey(path: string): Promise<SecretKey> {
  const text = (await read(path)).trim();
  try {
    return SecretKey.parse(text);
  } catch (cause) {
    throw new CliError('cli/usage', `${path} holds no secret key`, { cause });
  }
}

/** The address that people can use who are told nothing else: that of the listener, where it has one of its own. */
function ownUrl(
  address: HttpListenAddress,
  { httpTlsCert }: HttpCacheFlags,
): string | undefined {
  if (address.type !== 'tcp' || address.port === 0) return undefined;
  if (['0.0.0.0', '::', ''].includes(address.host)) return undefined;
  const scheme = httpTlsCert === undefined ? 'http' : 'https';
  return `${scheme}://${formatListenAddress(address)}`;
}

async function readTls({
  httpTlsCert,
  httpTlsKey,
}: HttpCacheFlags): Promise<{ cert: string; key: string } | undefined> {
  if (httpTlsCert === undefined && httpTlsKey === undefined) return undefined;
  if (httpTlsCert === undefined || httpTlsKey === undefined) {
    throw new CliError(
      'cli/usage',
      '--http-tls-cert and --http-tls-key go together',
    );
  }
  const tls = { cert: await read(httpTlsCert), key: await read(httpTlsKey) };
  try {
    createSecureContext(tls);
  } catch (cause) {
    throw new CliError(
      'cli/usage',
      `${httpTlsCert} and ${httpTlsKey} are no certificate and its key`,
      { cause },
    );
  }
  return tls;
}

/** Without tokens everybody may read, and those on this machine may write. */
async function accessFor(
  { httpTokens }: HttpCacheFlags,
  address: HttpListenAddress,
): Promise<Access> {
  if (httpTokens !== undefined)
    return TokenAccess.parse(await read(httpTokens));
  const isWide = address.type === 'tcp' && isWiderThanLoopback(address.host);
  return openAccess(isWide ? ['read'] : ['read', 'write']);
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CliError('cli/io', `can't read ${path}`, { cause });
  }
}

function parseHttpAddress(text: string): HttpListenAddress {
  const address = parseListenAddress(text);
  if (address.type === 'tcp' || address.type === 'unix') return address;
  throw new CliError(
    'cli/usage',
    `HTTP is served at HOST:PORT or /path of a unix socket, not at "${text}"`,
  );
}

async function listen(
  server: CacheServer,
  address: HttpListenAddress,
): Promise<void> {
  if (address.type === 'unix') await removeStaleSocket(address.path);
  server.listen(address);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new CliError(
      code === 'EADDRINUSE' ? 'cli/address-in-use' : 'cli/cannot-listen',
      `can't serve HTTP at ${formatListenAddress(address)}`,
      { cause },
    );
  }
}

function addressOf(server: CacheServer): string {
  const address = server.address() as AddressInfo | string;
  return typeof address === 'string'
    ? address
    : formatListenAddress({
        type: 'tcp',
        host: address.address,
        port: address.port,
      });
}

async function stop(
  all: readonly CacheServer[],
  hard: AbortSignal | undefined,
  graceMs: number,
): Promise<boolean> {
  const servers = all.filter((server) => server.listening);
  let isGentle = true;
  const cut = (): void => {
    if (servers.some((server) => server.isBusy())) isGentle = false;
    for (const server of servers) server.closeAllConnections();
  };
  if (hard?.aborted) cut();
  hard?.addEventListener('abort', cut, { once: true });
  const grace = setTimeout(cut, graceMs);
  // A connection that a reply was sent on stays open for the next request, and would be waited for.
  const sweep = setInterval(
    () => servers.forEach((server) => server.closeIdleConnections()),
    SWEEP_MS,
  );
  await Promise.all(
    servers.map(async (server) => {
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      await closed;
    }),
  );
  clearInterval(sweep);
  clearTimeout(grace);
  hard?.removeEventListener('abort', cut);
  return isGentle;
}

function logRequest(
  { method, path, status, durationMs, error, isAbandoned }: ServedRequest,
  logger: Logger,
): void {
  if (error === undefined && !logger.isLevelEnabled('debug')) return;
  const record = { method, path, status, ms: Math.round(durationMs) };
  if (error === undefined) logger.debug(record, 'request');
  else if (isAbandoned === true) logger.info(record, 'the client went away');
  else if (isSendersFault(error))
    logger.info({ ...record, err: error }, 'refused');
  else logger.warn({ ...record, err: error }, 'failed');
}

/** Whether a failure says what the client did wrong. */
function isSendersFault(error: unknown): boolean {
  const kind =
    typeof error === 'object' && error !== null && 'kind' in error
      ? String(error.kind)
      : '';
  return (
    kind === 'refused' ||
    kind === 'unexpected-eof' ||
    kind.startsWith('invalid')
  );
}
