import { requireDirectory } from '@tvix/castore';
import type { B3Digest, Directory, DirectoryLookup } from '@tvix/castore';
import { ByteLru } from './byte-lru.ts';
import { SharedLoads } from './shared-loads.ts';

/** What a decoded entry takes beside its name: the objects of the entry, its node, its digest and the views on them. */
const ENTRY_BYTES = 400;

/** Decoded directories, as many as fit; each is asked for once, however many wait for it. */
export class DirectoryCache {
  readonly #directories: DirectoryLookup;
  readonly #decoded: ByteLru<Directory>;
  readonly #loads = new SharedLoads<Directory>();

  constructor(directories: DirectoryLookup, limitBytes: number) {
    this.#directories = directories;
    this.#decoded = new ByteLru(limitBytes);
  }

  /** The directory, if it's at hand. */
  peek(digest: B3Digest): Directory | undefined {
    return this.#decoded.get(digest.key);
  }

  /**
   * The directory, fetched if need be.
   *
   * @throws CastoreError `castore/directory-not-found`, and as the service's `get`
   */
  async load(digest: B3Digest, signal?: AbortSignal): Promise<Directory> {
    return (
      this.peek(digest) ??
      this.#loads.join(
        digest.key,
        (loading) => this.#fetch(digest, loading),
        signal,
      )
    );
  }

  async #fetch(digest: B3Digest, signal: AbortSignal): Promise<Directory> {
    const directory = await requireDirectory(this.#directories, digest, {
      signal,
    });
    this.#decoded.set(digest.key, directory, footprint(directory));
    return directory;
  }
}

function footprint(directory: Directory): number {
  let bytes = 200;
  for (const { name } of directory.entries) bytes += ENTRY_BYTES + name.length;
  return bytes;
}
