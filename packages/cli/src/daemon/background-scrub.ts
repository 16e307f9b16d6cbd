import { Scrub } from '@tvix/castore';
import type { Damage, LocalStore } from '@tvix/castore';
import { parseDuration } from '../duration.ts';
import { CliError } from '../errors.ts';
import type { Logger } from '../logging.ts';
import { parseSize } from '../size.ts';

/** The flags of the daemon that are about looking for damage. */
export interface ScrubFlags {
  /** A number of bytes a second, as in 8M; 0 for not at all. */
  readonly scrubRate?: string;
  /** From one look at everything to the next. */
  readonly scrubInterval?: string;
}

/** How fast it reads unless it is told otherwise: a tenth of what a slow disk gives, a terabyte in a day and a half. */
export const DEFAULT_SCRUB_RATE = '8M';
/** Disks return damage that nobody notices until it is read: a month is what others wait, too. */
export const DEFAULT_SCRUB_INTERVAL = '30d';
/** An empty store is looked through in no time: it mustn't be done again and again. */
const MIN_INTERVAL_MS = 60_000;

/**
 * Looks for damage in the background, and logs what it finds; nothing where that is turned off, or the store can't be
 * written to.
 *
 * @throws CliError `cli/usage`
 */
export function startScrub(
  store: LocalStore,
  flags: ScrubFlags,
  logger: Logger,
): Scrub | undefined {
  const bytesPerSecond = parseSize(flags.scrubRate ?? DEFAULT_SCRUB_RATE);
  const intervalMs = parseDuration(
    flags.scrubInterval ?? DEFAULT_SCRUB_INTERVAL,
  );
  if (intervalMs < MIN_INTERVAL_MS)
    throw new CliError('cli/usage', '--scrub-interval is at least 1m');
  if (bytesPerSecond === 0 || store.isReadOnly) return undefined;
  return Scrub.start(store, {
    bytesPerSecond,
    intervalMs,
    onDamage: (damage) => logger.warn(fieldsOf(damage), 'damage found'),
    onFinished: ({ records, bytes, damages }) =>
      logger.info({ records, bytes, damages }, 'scrub finished'),
    onFailure: (err) => logger.error({ err }, 'scrub failed'),
  });
}

function fieldsOf({
  what,
  fault,
  digest,
  pack,
  message,
}: Damage): Record<string, unknown> {
  return { what, fault, digest: digest?.toString(), pack, reason: message };
}
