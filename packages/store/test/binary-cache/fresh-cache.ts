import { afterEach, beforeEach } from '@jest/globals';
import { storeTree } from '../fixtures.ts';
import { memoryServices, narOf, StartedCache } from './started-cache.ts';

/** What a client sends that waits to be asked for its body. */
export const EXPECT = { Expect: '100-continue' };

/** The cache of the test that runs, and a NAR that it lacks. */
export let cache: StartedCache;
export let nar: Buffer;

/** Gives each test of a file a cache of its own. */
export function useFreshCache(): void {
  beforeEach(async () => {
    cache = await StartedCache.start();
    const services = memoryServices();
    nar = await narOf(services, await storeTree('complicated', services));
  });
  afterEach(() => cache[Symbol.asyncDispose]());
}

/** The store paths that the cache has. */
export async function storedPaths(of = cache): Promise<string[]> {
  const found: string[] = [];
  for await (const { storePath } of of.services.pathInfos.list())
    found.push(storePath.toString());
  return found;
}
