import { STORE_DIR } from '@tvix/nar';
import { readAll } from './read-all.ts';
import { textReply } from './reply.ts';
import type { Resource } from './resource.ts';

/** What `nix-cache-info` tells clients. */
export interface CacheInfoOptions {
  /** Which cache a client asks first: the lowest. 30 where left out; cache.nixos.org has 40. */
  readonly priority?: number;
  /** Whether clients may ask for many paths at a time. They may where left out. */
  readonly wantMassQuery?: boolean;
}

const DEFAULT_PRIORITY = 30;

/**
 * `nix-cache-info`. All three fields are always there: a client that finds no priority takes this cache for the first of
 * all. A client that can't read it tries to write its own; one with the same store directory is taken as said.
 */
export function cacheInfo(options: CacheInfoOptions): Resource {
  const { priority = DEFAULT_PRIORITY, wantMassQuery = true } = options;
  const body = `StoreDir: ${STORE_DIR}\nWantMassQuery: ${wantMassQuery ? 1 : 0}\nPriority: ${priority}\n`;
  return {
    get: () => ({
      status: 200,
      headers: { 'Content-Type': 'text/x-nix-cache-info' },
      body,
    }),
    put: {
      maxBytes: 4096,
      async take(_, upload) {
        const text = Buffer.from(await readAll(upload, 4096)).toString();
        const storeDir = /^StoreDir:\s*(\S+)\s*$/m.exec(text)?.[1];
        return storeDir === STORE_DIR
          ? textReply(200, 'unchanged')
          : textReply(400, `this cache is for StoreDir: ${STORE_DIR}`);
      },
    },
  };
}
