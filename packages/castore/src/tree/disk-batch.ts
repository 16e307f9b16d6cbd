import { readSync } from 'node:fs';
import type { IngestEvent } from './event.ts';

/** How many bytes of file contents a batch holds. */
const BATCH_BYTES = 1024 * 1024;
/** How many events a batch holds, give or take those of one entry. */
const BATCH_EVENTS = 4096;

/**
 * Gathers events until they are worth handing on. File contents are read into one buffer a batch, which the events have
 * views of: it passes on with them, and the next batch gets a fresh one, unless they are known to be done with it then.
 */
export class DiskBatch {
  readonly #reusesBuffer: boolean;
  #events: IngestEvent[] = [];
  #buffer: Buffer | undefined;
  #filled = 0;

  constructor(reusesBuffer: boolean) {
    this.#reusesBuffer = reusesBuffer;
  }

  get isFull(): boolean {
    return this.#events.length >= BATCH_EVENTS || this.#filled >= BATCH_BYTES;
  }

  push(event: IngestEvent): void {
    this.#events.push(event);
  }

  /**
   * Reads the next piece of an open file of which `left` bytes are to come and adds it as data; answers with its
   * length, 0 at the end of the file. Where the rest fits, one byte more is asked for: so that one call reads a small
   * file and shows whether it has grown.
   */
  read(descriptor: number, left: number): number {
    this.#buffer ??= Buffer.allocUnsafeSlow(BATCH_BYTES + 1);
    const start = this.#filled;
    const room = BATCH_BYTES - start;
    const wanted = left <= room ? left + 1 : room;
    const length = readSync(descriptor, this.#buffer, start, wanted, null);
    if (length > 0) {
      this.#filled += length;
      const bytes = this.#buffer.subarray(start, this.#filled);
      this.#events.push({ type: 'data', bytes });
    }
    return length;
  }

  /** The events so far; the batch starts afresh. */
  take(): readonly IngestEvent[] {
    const events = this.#events;
    this.#events = [];
    if (!this.#reusesBuffer) this.#buffer = undefined;
    this.#filled = 0;
    return events;
  }
}
