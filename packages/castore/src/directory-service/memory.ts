import type { CallOptions } from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import { DigestMap } from '../digest/digest-map.ts';
import type { Directory } from '../node/directory.ts';
import type {
  DirectoryCapabilities,
  DirectoryPutter,
  DirectoryService,
} from './directory-service.ts';
import { SimplePutter } from './simple-putter.ts';
import { traverseBreadthFirst } from './traverse.ts';

/** Keeps directories in memory, for tests and throw-away daemons. */
export class MemoryDirectoryService implements DirectoryService {
  readonly capabilities: DirectoryCapabilities = { ordered: false };
  readonly #directories = new DigestMap<Directory>();

  async get(
    digest: B3Digest,
    options?: CallOptions,
  ): Promise<Directory | undefined> {
    options?.signal?.throwIfAborted();
    return this.#directories.get(digest);
  }

  getRecursive(
    digest: B3Digest,
    options?: CallOptions,
  ): AsyncIterable<Directory> {
    return traverseBreadthFirst(this, digest, options);
  }

  async put(directory: Directory, options?: CallOptions): Promise<B3Digest> {
    options?.signal?.throwIfAborted();
    this.#directories.set(directory.digest, directory);
    return directory.digest;
  }

  putMultipleStart(options?: CallOptions): DirectoryPutter {
    return new SimplePutter(this, options);
  }
}
