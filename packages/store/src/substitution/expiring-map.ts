interface Entry<V> {
  readonly value: V;
  readonly until: number;
  readonly weight: number;
}

/** Values that hold for a while, as many of the latest as it may weigh. */
export class ExpiringMap<V> {
  readonly #maxWeight: number;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry<V>>();
  #weight = 0;

  constructor(maxWeight: number, now: () => number = Date.now) {
    this.#maxWeight = maxWeight;
    this.#now = now;
  }

  /** The value; `undefined` where there is none any more. */
  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.until > this.#now()) return entry.value;
    this.delete(key);
    return undefined;
  }

  set(key: string, value: V, ttlMs: number, weight = 1): void {
    this.delete(key);
    this.#entries.set(key, { value, until: this.#now() + ttlMs, weight });
    this.#weight += weight;
    // A map keeps the order of insertion: the first key is the oldest.
    for (const oldest of this.#entries.keys()) {
      if (this.#weight <= this.#maxWeight) return;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#weight -= entry.weight;
  }
}
