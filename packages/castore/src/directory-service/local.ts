import type { CallOptions } from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import { CastoreError } from '../errors.ts';
import type { RecordStore } from '../local-store/read/quiet-store.ts';
import { RecordKind } from '../local-store/packs/record.ts';
import { Directory } from '../node/directory.ts';
import type {
  DirectoryCapabilities,
  DirectoryPutter,
  DirectoryService,
} from './directory-service.ts';
import { LocalDirectoryPutter } from './local-putter.ts';
import { traverseBreadthFirst } from './traverse.ts';

/** Directories in a local store: a record each, in their canonical encoding. */
export class LocalDirectoryService implements DirectoryService {
  readonly capabilities: DirectoryCapabilities = { ordered: false };
  readonly #store: RecordStore;

  constructor(store: RecordStore) {
    this.#store = store;
  }

  async get(
    digest: B3Digest,
    options?: CallOptions,
  ): Promise<Directory | undefined> {
    options?.signal?.throwIfAborted();
    try {
      // The store checks the bytes against the digest, decoding them validates what they say.
      const bytes = this.#store.read(RecordKind.directory, digest.bytes);
      return bytes && Directory.decode(bytes);
    } catch (error) {
      if (
        error instanceof CastoreError &&
        (error.kind === 'corrupt' || error.kind === 'invalid')
      ) {
        throw new CastoreError(
          'castore/corrupt-directory',
          `what is stored for directory ${digest.toString()} is damaged`,
          { cause: error, details: { digest } },
        );
      }
      throw error;
    }
  }

  getRecursive(
    digest: B3Digest,
    options?: CallOptions,
  ): AsyncIterable<Directory> {
    return traverseBreadthFirst(this, digest, options);
  }

  async put(directory: Directory, options?: CallOptions): Promise<B3Digest> {
    options?.signal?.throwIfAborted();
    await this.#store.put([
      {
        kind: RecordKind.directory,
        key: directory.digest.bytes,
        bytes: directory.encode(),
      },
    ]);
    return directory.digest;
  }

  putMultipleStart(options?: CallOptions): DirectoryPutter {
    return new LocalDirectoryPutter(this.#store, options?.signal);
  }
}
