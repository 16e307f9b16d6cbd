/** Buffers of this size are used again; it fits a batch and the largest chunk behind it. */
const SLAB_BYTES = 1536 * 1024;

/** From this size on a pooled buffer pays; small ones come from the allocator. */
const POOLED_FROM_BYTES = 64 * 1024;

const MAX_IDLE = 16;

/**
 * Buffers that threads work in without handing them over; large ones are kept for the next batch. Fresh ones cost page
 * faults, and every mebibyte that the collector hears of hastens its next run: of shared memory it hears nothing.
 */
export class SlabPool {
  readonly #idle: Uint8Array<SharedArrayBuffer>[] = [];

  /** A buffer of at least that many bytes, whatever is in it. */
  take(bytes: number): Uint8Array<SharedArrayBuffer> {
    if (bytes < POOLED_FROM_BYTES || bytes > SLAB_BYTES) return fresh(bytes);
    return this.#idle.pop() ?? fresh(SLAB_BYTES);
  }

  /** Gives a buffer back that nobody looks into any more. */
  give(slab: Uint8Array<SharedArrayBuffer>): void {
    if (slab.length === SLAB_BYTES && this.#idle.length < MAX_IDLE)
      this.#idle.push(slab);
  }
}

function fresh(bytes: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(bytes));
}
