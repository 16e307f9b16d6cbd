import { createHash } from 'node:crypto';
import type { TreeEvent } from '@tvix/castore';
import { NarWriter } from '@tvix/nar';
import type { NarCalculation } from './calculation.ts';
import { writeEvents } from './write-events.ts';

/** Measures and hashes the NAR of a tree from its events; the archive itself is kept nowhere. */
export class NarDigester {
  readonly #writer = new NarWriter();
  readonly #hash = createHash('sha256');

  /**
   * Takes the next events; their bytes are done with when it returns.
   *
   * @throws StoreError `store/no-nar-form`
   */
  write(events: readonly TreeEvent[]): void {
    writeEvents(this.#writer, events);
    this.#hashReady();
  }

  /** Ends the tree. */
  finish(): NarCalculation {
    this.#writer.finish();
    this.#hashReady();
    return {
      narSize: BigInt(this.#writer.bytesWritten),
      narSha256: new Uint8Array(this.#hash.digest()),
    };
  }

  #hashReady(): void {
    for (const bytes of this.#writer.take()) this.#hash.update(bytes);
  }
}
