/** The signals that ask a program to end. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Two steps towards the end. */
export interface StopRequest {
  /** Fires at the first signal: finish what is under way. */
  readonly gentle: AbortSignal;
  /** Fires at the second signal: end now. */
  readonly hard: AbortSignal;
}

/** Listens for SIGINT and SIGTERM until the program ends. */
export function onStopSignals(
  source: Pick<NodeJS.Process, 'on'> = process,
): StopRequest {
  const gentle = new AbortController();
  const hard = new AbortController();
  for (const name of SIGNALS)
    source.on(name, () => (gentle.signal.aborted ? hard : gentle).abort(name));
  return { gentle: gentle.signal, hard: hard.signal };
}

/**
 * For the time in which a command runs whose end is awaited. SIGINT is left to the command, which hears it from the same
 * terminal; SIGTERM fires the signal that is answered.
 */
export function onSignalsBesideCommand(
  source: Pick<NodeJS.Process, 'on'> = process,
): AbortSignal {
  const terminated = new AbortController();
  source.on('SIGINT', () => undefined);
  source.on('SIGTERM', () => terminated.abort('SIGTERM'));
  return terminated.signal;
}

/** Resolves when the signal fires, or at once where it has. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
