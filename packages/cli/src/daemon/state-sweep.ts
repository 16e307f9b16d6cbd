import type { LocalStore } from '@tvix/castore';
import { sweepCacheTables } from '@tvix/store/binary-cache';
import type { ServedStore } from '@tvix/store/binary-cache';
import type { Logger } from '../logging.ts';

/** What is older than a day may go: looking more often finds little. */
const INTERVAL_MS = 24 * 3_600_000;

/** Sweeps the tables in `--http-state`, now and once a day. The function that it answers with ends that. */
export function startStateSweep(
  tables: LocalStore,
  served: ServedStore,
  logger: Logger,
): () => Promise<void> {
  const stop = new AbortController();
  const { signal } = stop;
  const sweep = async (): Promise<void> => {
    try {
      await sweepCacheTables(tables, served, { signal });
    } catch (err) {
      if (signal.aborted) return;
      logger.warn({ err }, 'the state of the binary cache was not swept');
    }
  };
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
