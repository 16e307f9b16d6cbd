import { storeTree } from '../fixtures.ts';
import { memoryServices, narOf } from './started-cache.ts';
import type { StartedCache } from './started-cache.ts';

/** A NAR that no store has yet. */
export async function someNar(): Promise<Buffer> {
  const services = memoryServices();
  return narOf(services, await storeTree('complicated', services));
}

/** The store paths that a cache has. */
export async function storedPaths(cache: StartedCache): Promise<string[]> {
  const found: string[] = [];
  for await (const { storePath } of cache.services.pathInfos.list())
    found.push(storePath.toString());
  return found;
}
