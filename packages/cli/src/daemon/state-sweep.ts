import type { LocalStore } from '@tvix/castore';
import { sweepCacheTables } from '@tvix/store/binary-cache';
import type { Logger } from '../logging.ts';
import type { OpenStore } from '../services.ts';
import { ownerOfState } from './state-owner.ts';

/** What is older than a day may go: looking more often finds little. */
const INTERVAL_MS = 24 * 3_600_000;

/** Sweeps the tables in `--http-state`, now and once a day. The function that it answers with ends that. */
export function startStateSweep(
  tables: LocalStore,
  served: OpenStore,
  logger: Logger,
): () => Promise<void> {
  const stop = new AbortController();
  const sweep = (): Promise<void> =>
    sweepState(tables, served, logger, stop.signal);
  let running = sweep();
  const timer = setInterval(() => {
    running = running.then(sweep);
  }, INTERVAL_MS);
  return async () => {
    clearInterval(timer);
    stop.abort();
    await running;
  };
}

/** Sweeps the tables in `--http-state` once, where they belong to the store that is served. Failures are logged. */
export async function sweepState(
  tables: LocalStore,
  served: OpenStore,
  logger: Logger,
  signal?: AbortSignal,
): Promise<void> {
  try {
    const { file, isServed } = await ownerOfState(tables.directory, served);
    if (isServed) {
      await sweepCacheTables(tables, served, signal && { signal });
      return;
    }
    logger.warn(
      { file },
      'the state of the binary cache belongs to another store and is not swept: where it is this one at a new address, remove the file',
    );
  } catch (err) {
    if (signal?.aborted) return;
    logger.warn({ err }, 'the state of the binary cache was not swept');
  }
}
