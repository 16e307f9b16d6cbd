/** Buffers of this size are used again; it fits a batch and the largest chunk behind it. */
const SLAB_BYTES = 1536 * 1024;

/** From this size on a pooled buffer pays; small ones come from the allocator. */
const POOLED_FROM_BYTES = 64 * 1024;

const MAX_IDLE = 8;

/**
 * Large buffers that travel between threads, kept for the next batch: fresh ones cost page faults, and every mebibyte
 * that the collector hears of hastens its next run.
 */
export class SlabPool {
  readonly #idle: Uint8Array<ArrayBuffer>[] = [];

  /** A buffer of at least that many bytes, whatever is in it. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    if (bytes < POOLED_FROM_BYTES || bytes > SLAB_BYTES) return fresh(bytes);
    return this.#idle.pop() ?? fresh(SLAB_BYTES);
  }

  /** Gives a buffer back that nobody looks into any more. */
  give(slab: Uint8Array<ArrayBuffer>): void {
    if (slab.length === SLAB_BYTES && this.#idle.length < MAX_IDLE)
      this.#idle.push(slab);
  }
}

function fresh(bytes: number): Uint8Array<ArrayBuffer> {
  // Not from Node's pool: the memory may be handed to another thread.
  const buffer = Buffer.allocUnsafeSlow(bytes);
  return new Uint8Array(buffer.buffer as ArrayBuffer, 0, bytes);
}
