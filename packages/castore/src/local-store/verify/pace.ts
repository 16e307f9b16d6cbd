import { setTimeout as delay } from 'node:timers/promises';

/** Waits come in steps of this length or more. */
const STEP_MS = 100;
/** Time that was lost, as to a machine that slept, is made up for no further than this. */
const LOST_MS = 1000;
/** What the smallest record counts for: looking at one costs, whatever its size. */
const MIN_BYTES = 4096;

/** Holds reading to a rate, so that it doesn't get in the way of others. */
export class Pace {
  readonly #bytesPerSecond: number | undefined;
  #dueMs = performance.now();

  /** As fast as it goes where no rate is given. */
  constructor(bytesPerSecond: number | undefined) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Resolves when more may be read after a record of that size; rejects with the signal's reason. */
  async took(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#bytesPerSecond === undefined) return;
    const now = performance.now();
    const costMs = (1000 * Math.max(bytes, MIN_BYTES)) / this.#bytesPerSecond;
    this.#dueMs = Math.max(this.#dueMs, now - LOST_MS) + costMs;
    if (this.#dueMs - now < STEP_MS) return;
    try {
      await delay(this.#dueMs - now, undefined, signal && { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  }
}
