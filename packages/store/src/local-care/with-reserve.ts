import { CastoreError } from '@tvix/castore';
import type { LocalStore } from '@tvix/castore';

/** So much of the reserve is given up at a time, in bytes. */
const ROOM_BYTES = 4 * 1024 * 1024;

/**
 * Forgets something although the disk is full: forgetting is written down, and some of the reserve is given up for it. A
 * collection sets the reserve aside again.
 */
export async function withReserve(
  { interior }: LocalStore,
  forget: () => Promise<void>,
): Promise<void> {
  for (;;) {
    try {
      return await forget();
    } catch (error) {
      const isFull =
        error instanceof CastoreError && error.code === 'castore/no-space';
      if (!isFull || interior.writing?.reserve.give(ROOM_BYTES) !== true)
        throw error;
    }
  }
}
