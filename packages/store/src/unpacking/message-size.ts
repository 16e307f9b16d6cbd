/** So much of all files may be on its way into a thread and back, more or less: each file gets its part of it. */
const TOTAL_BYTES = 16 * 1024 * 1024;

/** In each direction, of each file. */
export const MESSAGES_UNDER_WAY = 2;

const MIN_BYTES = 64 * 1024;
const MAX_BYTES = 512 * 1024;

/**
 * How much of a file goes over at a time where so many are being unpacked, in bytes: a power of two, so that memory can be
 * used again. Fewer and larger messages take less of both threads' time: at 512 KiB a tenth less than at 256.
 */
export function messageSize(files: number): number {
  const part = TOTAL_BYTES / (2 * MESSAGES_UNDER_WAY * Math.max(files, 1));
  const size = 2 ** Math.floor(Math.log2(part));
  return Math.min(MAX_BYTES, Math.max(MIN_BYTES, size));
}
