import type { B3Digest } from './b3-digest.ts';

/** A map keyed by digest value, in insertion order. */
export class DigestMap<V> implements Iterable<[B3Digest, V]> {
  readonly #entries = new Map<string, [B3Digest, V]>();

  get size(): number {
    return this.#entries.size;
  }

  get(digest: B3Digest): V | undefined {
    return this.#entries.get(digest.key)?.[1];
  }

  has(digest: B3Digest): boolean {
    return this.#entries.has(digest.key);
  }

  set(digest: B3Digest, value: V): this {
    this.#entries.set(digest.key, [digest, value]);
    return this;
  }

  delete(digest: B3Digest): boolean {
    return this.#entries.delete(digest.key);
  }

  clear(): void {
    this.#entries.clear();
  }

  [Symbol.iterator](): IterableIterator<[B3Digest, V]> {
    return this.#entries.values();
  }
}

/** A set of digest values, in insertion order. */
export class DigestSet implements Iterable<B3Digest> {
  readonly #entries = new Map<string, B3Digest>();

  constructor(digests: Iterable<B3Digest> = []) {
    for (const digest of digests) this.add(digest);
  }

  get size(): number {
    return this.#entries.size;
  }

  has(digest: B3Digest): boolean {
    return this.#entries.has(digest.key);
  }

  add(digest: B3Digest): this {
    this.#entries.set(digest.key, digest);
    return this;
  }

  delete(digest: B3Digest): boolean {
    return this.#entries.delete(digest.key);
  }

  [Symbol.iterator](): IterableIterator<B3Digest> {
    return this.#entries.values();
  }
}
