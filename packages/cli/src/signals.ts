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
