import type { CacheContext } from './context.ts';
import { TEXT } from './reply.ts';
import type { Resource } from './resource.ts';

/** `pubkey`: the keys that our signatures are verified with, a line each. */
export function publicKeys({ options }: CacheContext): Resource {
  const keys = options.signer?.publicKeys ?? [];
  return {
    get: () => ({
      status: 200,
      headers: { 'Content-Type': TEXT },
      body: keys.map((key) => `${key.toString()}\n`).join(''),
    }),
  };
}
