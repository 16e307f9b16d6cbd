import type { Command, CommandContext } from '../command.ts';
import { defaultDaemonStore } from '../config.ts';
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
  const addresses = context.addresses(defaultDaemonStore(env));
  const stop = onStopSignals();
  const store = await openStore(addresses).catch((error: unknown) => {
    throw explainStoreFailure(error, addresses);
  });
  let http: HttpCache | undefined;
  try {
    logger.info({ ...addresses }, 'store opened');
    http = await startHttpCache(options as HttpCacheFlags, store, logger);
    for (const address of http?.addresses ?? [])
      logger.info({ address }, 'serving a binary cache');
    const running = await Daemon.start({
      services: store,
      listen,
      env,
      logger,
    });
    await Promise.race([running.ended, aborted(stop.gentle)]);
    logger.info('stopping');
    const [isGentle] = await Promise.all([
      running.stop(stop.hard),
      http?.stop(stop.hard),
    ]);
    if (!isGentle) throw new CliError('cli/cut-off', 'calls were cut off');
  } finally {
    await http?.stop(AbortSignal.abort());
    await store.close();
  }
  logger.info('stopped');
};

function listenAddresses(
  given: unknown,
  { logger }: CommandContext,
): ListenAddress[] {
  return given === undefined
    ? defaultListenAddresses(logger)
    : (given as readonly string[]).map(parseListenAddress);
}
