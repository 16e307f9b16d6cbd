import { requireDirectory } from '@tvix/castore';
import type { B3Digest, DirectoryLookup } from '@tvix/castore';
import { ByteLru } from './byte-lru.ts';
import { PackedDirectory } from './packed-directory.ts';
import { SharedLoads } from './shared-loads.ts';

/** Directories, as many as fit; each is asked for once, however many wait for it. */
export class DirectoryCache {
  readonly #directories: DirectoryLookup;
  readonly #packed: ByteLru<PackedDirectory>;
  readonly #loads = new SharedLoads<PackedDirectory>();

  constructor(directories: DirectoryLookup, limitBytes: number) {
    this.#directories = directories;
    this.#packed = new ByteLru(limitBytes);
  }

  /** The directory, if it's at hand. */
  peek(digest: B3Digest): PackedDirectory | undefined {
    return this.#packed.get(digest.key);
  }

  /**
   * The directory, fetched if need be.
   *
   * @throws CastoreError `castore/directory-not-found`, and as the service's `get`
   */
  async load(digest: B3Digest, signal?: AbortSignal): Promise<PackedDirectory> {
    return (
      this.peek(digest) ??
      this.#loads.join(
        digest.key,
        (loading) => this.#fetch(digest, loading),
        signal,
      )
    );
  }

  async #fetch(
    digest: B3Digest,
    signal: AbortSignal,
  ): Promise<PackedDirectory> {
    const directory = new PackedDirectory(
      await requireDirectory(this.#directories, digest, { signal }),
    );
    this.#packed.set(digest.key, directory, directory.byteLength);
    return directory;
  }
}
