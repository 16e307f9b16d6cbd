import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ServiceAddresses } from './config.ts';

/** Where it is remembered what was imported into a store. */
export interface ImportMemory {
  /** The digests of files. */
  readonly file: string;
  /** The folder of trees. */
  readonly trees: string;
}

/** In the user's cache directory; `undefined` for stores that end with the process. */
export function importMemory(
  { blobs }: ServiceAddresses,
  env: Readonly<Record<string, string | undefined>>,
): ImportMemory | undefined {
  if (blobs.startsWith('memory:') || blobs === 'local:') return undefined;
  const cache =
    env['XDG_CACHE_HOME'] || join(env['HOME'] ?? homedir(), '.cache');
  const name = createHash('sha256').update(blobs).digest('hex').slice(0, 32);
  return {
    file: join(cache, 'tvix-store', 'files', name),
    trees: join(cache, 'tvix-store', 'trees', name),
  };
}
