import fs from 'node:fs';
import os from 'node:os';

/** A folder that goes with the run of the tests (`tools/test-scratch.mjs`). */
const SHARED_MEMORY = process.env['TVIX_TEST_MEMORY'] ?? '/dev/shm';
const ENOUGH_BYTES = 512 * 1024 * 1024;

/**
 * The folder for stores that outlive their process but no power cut: in memory where there is enough of it, so that
 * thousands of syncs wait for no disk.
 */
export function memoryDirectory(): string {
  try {
    const { type, bavail, bsize } = fs.statfsSync(SHARED_MEMORY);
    if (type === TMPFS && bavail * bsize >= ENOUGH_BYTES) return SHARED_MEMORY;
  } catch {
    // Not Linux.
  }
  return os.tmpdir();
}

/** `TMPFS_MAGIC` of statfs(2). */
const TMPFS = 0x01021994;
