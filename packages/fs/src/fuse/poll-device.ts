import type { Device, OnRequest } from './device.ts';
import type { Libc, Watch } from './libc.ts';
import { REQUEST_BUFFER_BYTES } from './protocol.ts';

/**
 * Empty reads before going back to sleep: some 40 µs. The next request of a busy client comes within that, and to be
 * woken takes longer. Measured; more adds nothing, fewer lose most of it.
 */
const SPIN = 100;
/** Requests in a row before the event loop gets its turn. */
const SLICE = 256;

const EINTR = 4;
const EAGAIN = 11;
const ENOENT = 2;

/** Reads requests whenever the event loop says so, without ever blocking it. */
export class PollDevice implements Device {
  readonly #fd: number;
  readonly #libc: Libc;
  readonly #buffer = new Uint8Array(REQUEST_BUFFER_BYTES);
  #watch: Watch | undefined;
  #onRequest: OnRequest = () => undefined;
  #pending: () => number = () => 0;
  #end: (error?: unknown) => void = () => undefined;
  #isDraining = false;
  #isDue = false;
  /** Requests since the event loop last had its turn. */
  #served = 0;

  constructor(fd: number, libc: Libc) {
    this.#fd = fd;
    this.#libc = libc;
  }

  serve(onRequest: OnRequest, pending: () => number): Promise<void> {
    this.#onRequest = onRequest;
    this.#pending = pending;
    const failed = this.#libc.setNonBlocking(this.#fd);
    if (failed < 0)
      return Promise.reject(new Error(`fcntl failed with errno ${-failed}`));
    return new Promise((resolve, reject) => {
      this.#end = (error) => (error === undefined ? resolve() : reject(error));
      this.#watch = this.#libc.watch(this.#fd, () => {
        this.#served = 0;
        this.#drain();
      });
    });
  }

  answered(): void {
    if (this.#isDraining || this.#isDue || this.#served >= SLICE) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#drain();
    });
  }

  stop(): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#end();
  }

  #drain(): void {
    this.#isDraining = true;
    try {
      for (let idle = 0; this.#watch !== undefined && this.#served < SLICE;) {
        const length = this.#libc.read(this.#fd, this.#buffer);
        if (length > 0) {
          this.#served++;
          idle = 0;
          this.#onRequest(this.#buffer.subarray(0, length));
        } else if (length === -EAGAIN) {
          // What the others wait for needs this thread too.
          if (this.#pending() > 0 || ++idle > SPIN) break;
        } else if (length !== -EINTR && length !== -ENOENT) {
          // ENODEV is how a mount ends; anything else can't get better either.
          this.stop();
        }
      }
    } finally {
      this.#isDraining = false;
    }
  }
}
