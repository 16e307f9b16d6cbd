import { setMaxListeners } from 'node:events';

/**
 * The signal for calls that end when their owner stops, or when the caller's signal says so. Any number of calls may
 * listen to it at the same time; Node would take more than ten for a leak.
 */
export function stopSignal(
  owner: AbortController,
  callers: AbortSignal | undefined,
): AbortSignal {
  const signal =
    callers === undefined
      ? owner.signal
      : AbortSignal.any([callers, owner.signal]);
  setMaxListeners(Infinity, signal);
  return signal;
}
