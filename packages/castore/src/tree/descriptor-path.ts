import { existsSync } from 'node:fs';

const DESCRIPTORS = '/proc/self/fd';

/**
 * Whether open directories have paths that start from their descriptors, as on Linux with `/proc`. Names behind such a
 * path resolve in the very directory that was opened, wherever it has been moved and whatever has taken its place: it
 * is what `openat` is elsewhere, which Node doesn't offer.
 */
export const hasDescriptorPaths: boolean = existsSync(DESCRIPTORS);

/** The path of an open directory, with room for names behind it. */
export function descriptorPath(descriptor: number): Buffer {
  return Buffer.from(`${DESCRIPTORS}/${descriptor}`);
}
