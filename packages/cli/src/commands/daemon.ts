import type { Scrub } from '@tvix/castore';
import { warmUp, withoutLogin } from '@tvix/store/binary-cache';
import type { Command, CommandContext } from '../command.ts';
import { defaultDaemonStore } from '../config.ts';
import type { ServiceAddresses } from '../config.ts';
import { DEFAULT_ADMIN_REACH, parseAdminReach } from '../daemon/admin-reach.ts';
import { startScrub } from '../daemon/background-scrub.ts';
import type { ScrubFlags } from '../daemon/background-scrub.ts';
import { Daemon } from '../daemon/daemon.ts';
import { startHttpCache } from '../daemon/http-cache.ts';
import type { HttpCache, HttpCacheFlags } from '../daemon/http-cache.ts';
import { parseListenAddress } from '../daemon/listen-address.ts';
import type { ListenAddress } from '../daemon/listen-address.ts';
import { defaultListenAddresses } from '../daemon/listeners.ts';
import { CliError } from '../errors.ts';
import { openStore } from '../services.ts';
import { aborted, onStopSignals } from '../signals.ts';
import { explainStoreFailure } from '../store-failure.ts';

/** Serves a store until SIGINT or SIGTERM. */
export const daemon: Command = async (context, { options }) => {
  const { logger, env } = context;
  const listen = listenAddresses(options['listenAddress'], context);
  const reach = parseAdminReach(
    String(options['admin'] ?? DEFAULT_ADMIN_REACH),
  );
  const addresses = context.addresses(defaultDaemonStore(env));
  const stop = onStopSignals();
  const store = await openStore(addresses).catch((error: unknown) => {
    throw explainStoreFailure(error, addresses);
  });
  const { localStore, care } = store;
  let http: HttpCache | undefined;
  let scrub: Scrub | undefined;
  try {
    logger.info(withoutLogins(addresses), 'store opened');
    scrub = localStore && startScrub(localStore, options as ScrubFlags, logger);
    http = await startHttpCache(options as HttpCacheFlags, store, logger);
    for (const address of http?.addresses ?? [])
      logger.info({ address }, 'serving a binary cache');
    const running = await Daemon.start({
      services: store,
      // What lies behind another daemon is administered there.
      ...(localStore && care && { admin: { care, reach } }),
      listen,
      env,
      logger,
    });
    if (http !== undefined) {
      await warmUp().catch((error: unknown) => {
        logger.warn({ err: error }, 'the first requests may take longer');
      });
    }
    await Promise.race([running.ended, aborted(stop.gentle)]);
    logger.info('stopping');
    const [isGentle, isHttpGentle = true] = await Promise.all([
      running.stop(stop.hard),
      http?.stop(stop.hard),
      scrub?.stop(),
    ]);
    if (!isGentle || !isHttpGentle)
      throw new CliError('cli/cut-off', 'calls were cut off');
  } finally {
    await http?.stop(AbortSignal.abort());
    await scrub?.stop();
    await store.close();
  }
  logger.info('stopped');
};

function withoutLogins(addresses: ServiceAddresses): Record<string, string> {
  return Object.fromEntries(
    Object.entries(addresses).map(([name, address]: [string, string]) => [
      name,
      withoutLogin(address),
    ]),
  );
}

function listenAddresses(
  given: unknown,
  { logger }: CommandContext,
): ListenAddress[] {
  return given === undefined
    ? defaultListenAddresses(logger)
    : (given as readonly string[]).map(parseListenAddress);
}
