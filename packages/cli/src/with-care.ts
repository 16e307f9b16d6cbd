import type { StoreCare } from '@tvix/store';
import type { CommandContext } from './command.ts';
import { CliError } from './errors.ts';
import { onStopSignals } from './signals.ts';
import type { OpenStore } from './services.ts';
import { withStoreToCareFor, withStoreToRead } from './with-store.ts';

/** Opens the care of the store that the flags and the environment name, to look only, and closes it after use. */
export function withCareToRead<T>(
  context: CommandContext,
  use: (care: StoreCare, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withStoreToRead(context, (store) => untilStopped(store, use));
}

/** Opens the care of the store that the flags and the environment name, and closes it after use. */
export function withCareToWrite<T>(
  context: CommandContext,
  use: (care: StoreCare, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withStoreToCareFor(context, (store) => untilStopped(store, use));
}

/** The signal fires when the user asks to end: what was done until then stands. */
async function untilStopped<T>(
  { care }: OpenStore,
  use: (care: StoreCare, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (care === undefined)
    throw new CliError(
      'cli/usage',
      'there is nothing to care for in that store; name one on this disk with --store local:/some/dir, or a daemon',
    );
  const { gentle } = onStopSignals();
  try {
    return await use(care, gentle);
  } catch (error) {
    if (!gentle.aborted) throw error;
    throw new CliError(
      'cli/interrupted',
      'interrupted; what was done until then stands, and the next run goes on',
    );
  }
}
