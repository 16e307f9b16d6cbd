import { writeSync } from 'node:fs';

/** So many bytes wait for a slow reader; lines beyond are left out and counted. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
const RETRY_MS = 5;
/** So long a reader is waited for when the program ends. */
const LAST_CHANCE_MS = 1000;

/** Takes bytes without waiting and says how many; throws `EAGAIN` where there is no room for any. */
export type WriteNow = (bytes: Uint8Array) => number;

/**
 * Lines for a reader that may be slow: written at once, whole and in order. What a full pipe doesn't take waits in memory
 * and is written as soon as there is room, when the program ends at the latest.
 */
export class LogOutput {
  /** Told how many lines were left out, once there is room again. */
  onLost: (count: number) => void = () => undefined;
  readonly #writeNow: WriteNow;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #lost = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(writeNow: WriteNow = (bytes) => writeSync(2, bytes)) {
    this.#writeNow = writeNow;
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) {
      this.#lost++;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#retry === undefined) this.#drain();
  }

  /** Writes what waits, for a reader that takes it soon; the rest is given up. */
  end(): void {
    const until = performance.now() + LAST_CHANCE_MS;
    const pause = new Int32Array(new SharedArrayBuffer(4));
    while (this.#waiting.length > 0 && performance.now() < until) {
      this.#drain();
      if (this.#waiting.length > 0) Atomics.wait(pause, 0, 0, RETRY_MS);
    }
    clearTimeout(this.#retry);
  }

  #drain(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    let done = 0;
    try {
      for (; done < this.#waiting.length; done++) {
        const bytes = this.#waiting[done]!;
        const written = this.#writeNow(bytes);
        this.#waitingBytes -= written;
        if (written < bytes.length) {
          this.#waiting[done] = bytes.subarray(written);
          break;
        }
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
        // Nobody can be told that nobody reads any more.
        done = this.#waiting.length;
        this.#waitingBytes = 0;
      }
    }
    this.#waiting = this.#waiting.slice(done);
    if (this.#waiting.length > 0) {
      // What else the program does decides when it ends.
      this.#retry = setTimeout(() => this.#drain(), RETRY_MS).unref();
      return;
    }
    const lost = this.#lost;
    this.#lost = 0;
    if (lost > 0) this.onLost(lost);
  }
}
