/** Lets go of what it held; a second call does nothing more. */
export interface Lease {
  /** Still at work: a lease that isn't renewed for an hour no longer counts. */
  renew(): void;
  release(): void;
}

const LIFE_MS = 60 * 60 * 1000;

interface Held {
  readonly sinceMs: number;
  renewedMs: number;
}

/**
 * Holds of uploads that are under way: what was stored or found since one began isn't collected, however long it takes.
 * They end with the process, as the uploads do.
 */
export class Leases {
  readonly #now: () => number;
  readonly #held = new Set<Held>();

  /** The clock tells milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  take(): Lease {
    const now = this.#now();
    const held = { sinceMs: now, renewedMs: now };
    this.#held.add(held);
    return {
      renew: () => {
        held.renewedMs = this.#now();
      },
      release: () => {
        this.#held.delete(held);
      },
    };
  }

  /** When the oldest upload that is under way began, in milliseconds since 1970; `undefined` where there is none. */
  oldestMs(): number | undefined {
    let oldest: number | undefined;
    for (const held of this.#held) {
      if (this.#now() - held.renewedMs > LIFE_MS) this.#held.delete(held);
      else if (oldest === undefined || held.sinceMs < oldest)
        oldest = held.sinceMs;
    }
    return oldest;
  }
}
