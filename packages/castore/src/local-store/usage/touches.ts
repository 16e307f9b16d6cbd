import type { Amendment } from '../commit/commit-queue.ts';
import {
  decodeIndexEntry,
  encodeIndexEntry,
  INDEX_ENTRY_BYTES,
} from '../index/index-entry.ts';
import type { IndexWrite, StoreIndex } from '../index/store-index.ts';

/**
 * Use is written down when what is known of it is older than this: what was used at a time has a `touched` that is at
 * most so many minutes earlier. The shortest grace of a collection is twice as long.
 */
export const TOUCH_AFTER_MINUTES = 30;

/** Reads gather their touches for so long. */
const FLUSH_AFTER_MS = 1000;

/** As many go into one transaction. */
const AMENDED_AT_ONCE = 2000;

/** What touches are written to. */
export interface TouchTarget {
  readonly index: StoreIndex;
  readonly amend: (amendment: Amendment) => Promise<void>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Writes down when records were used, so that a collection knows which nobody asks for. */
export class Touches {
  readonly #target: TouchTarget;
  #waiting = new Map<string, Buffer>();
  /** On their way to the index: those count as used already. */
  readonly #written = new Map<string, Buffer>();
  #flushing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(target: TouchTarget) {
    this.#target = target;
  }

  /** A record was used. It is written down soon; {@link flush} waits for that. */
  note(indexKey: Buffer, touchedMinutes: number): void {
    const now = Math.floor(this.#target.now() / 60_000);
    if (now - touchedMinutes < TOUCH_AFTER_MINUTES) return;
    this.#waiting.set(indexKey.toString('latin1'), indexKey);
    this.#timer ??= setTimeout(() => {
      // What can't be written down stays noted, and nobody who only reads should hear of it.
      this.flush().catch(() => {});
    }, FLUSH_AFTER_MS).unref();
  }

  /** The index keys of records whose use isn't in the index yet. */
  pending(): Buffer[] {
    return [...this.#waiting.values(), ...this.#written.values()];
  }

  /** Resolves once all that was noted is in the index. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.size > 0) {
      const noted = this.#waiting;
      this.#waiting = new Map();
      for (const [name, key] of noted) this.#written.set(name, key);
      const written = this.#write(noted);
      this.#flushing = Promise.all([this.#flushing, written]).then(() => {});
      this.#flushing.catch(() => {
        this.#flushing = Promise.resolve();
      });
    }
    return this.#flushing;
  }

  async #write(noted: Map<string, Buffer>): Promise<void> {
    const keys = [...noted.values()];
    try {
      for (let at = 0; at < keys.length; at += AMENDED_AT_ONCE) {
        const part = keys.slice(at, at + AMENDED_AT_ONCE);
        await this.#target.amend(() => this.#amendment(part));
      }
    } catch (error) {
      for (const [name, key] of noted) this.#waiting.set(name, key);
      throw error;
    } finally {
      for (const name of noted.keys()) this.#written.delete(name);
    }
  }

  #amendment(keys: readonly Buffer[]): IndexWrite[] {
    const writes: IndexWrite[] = [];
    const now = Math.floor(this.#target.now() / 60_000);
    for (const key of keys) {
      const entry = this.#target.index.get(key);
      if (entry === undefined) continue;
      const location = decodeIndexEntry(key, entry);
      const tail =
        entry.length > INDEX_ENTRY_BYTES
          ? entry.subarray(INDEX_ENTRY_BYTES)
          : undefined;
      const value = encodeIndexEntry(key, location, now, tail);
      writes.push({ key, value });
    }
    return writes;
  }
}
