/** Buffers up to this length are cut from slabs. */
const CUT_UP_TO_BYTES = 8 * 1024;
const SLAB_BYTES = 64 * 1024;

let slab = Buffer.alloc(0);
let cut = 0;

/**
 * A buffer for a payload that will be handed out, whatever is in it. A buffer of its own costs 3 µs, as much as all else
 * that happens to 4 KiB; a short one shares memory with those that were asked for before and after it, and each keeps
 * that alive.
 */
export function payloadBuffer(length: number): Buffer {
  if (length > CUT_UP_TO_BYTES) return Buffer.allocUnsafeSlow(length);
  if (cut + length > slab.length) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    cut = 0;
  }
  const start = cut;
  // Aligned as memory of its own would be.
  cut += (length + 7) & ~7;
  return slab.subarray(start, start + length);
}
