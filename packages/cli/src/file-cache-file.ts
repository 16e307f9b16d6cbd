import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ServiceAddresses } from './config.ts';

/**
 * The file in the user's cache directory that remembers what was imported into a store; `undefined` for stores that end
 * with the process.
 */
export function fileCacheFile(
  { blobs }: ServiceAddresses,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (blobs.startsWith('memory:') || blobs === 'local:') return undefined;
  const cache =
    env['XDG_CACHE_HOME'] || join(env['HOME'] ?? homedir(), '.cache');
  const name = createHash('sha256').update(blobs).digest('hex').slice(0, 32);
  return join(cache, 'tvix-store', 'files', name);
}
