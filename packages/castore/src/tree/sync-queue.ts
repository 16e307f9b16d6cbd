import { close, fsync } from 'node:fs';
import { promisify } from 'node:util';

const syncDescriptor = promisify(fsync);
const closeDescriptor = promisify(close);

/** How many descriptors wait to be synced at a time. */
const MAX_WAITING = 64;

/** Takes open files and directories, and closes each once it is on the disk: many at a time, which is much faster. */
export class SyncQueue {
  #waiting: number[] = [];

  /** Takes a descriptor over. A promise where more must wait. */
  add(descriptor: number): Promise<void> | undefined {
    this.#waiting.push(descriptor);
    return this.#waiting.length >= MAX_WAITING ? this.flush() : undefined;
  }

  /** Syncs and closes all that was taken over. */
  async flush(): Promise<void> {
    const outcomes = await Promise.allSettled(
      this.#waiting.splice(0).map(async (descriptor) => {
        try {
          await syncDescriptor(descriptor);
        } finally {
          await closeDescriptor(descriptor);
        }
      }),
    );
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** Closes all that was taken over, synced or not. */
  async discard(): Promise<void> {
    await Promise.allSettled(
      this.#waiting.splice(0).map((descriptor) => closeDescriptor(descriptor)),
    );
  }
}
