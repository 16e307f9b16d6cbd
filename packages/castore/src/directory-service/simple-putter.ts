import type { CallOptions } from '../blob-service/blob-service.ts';
import type { B3Digest } from '../digest/b3-digest.ts';
import { CastoreError } from '../errors.ts';
import type { Directory } from '../node/directory.ts';
import type { DirectoryPutter, DirectoryService } from './directory-service.ts';

/** Puts each directory by itself as it comes, without a look at its children. */
export class SimplePutter implements DirectoryPutter {
  readonly #directories: Pick<DirectoryService, 'put'>;
  readonly #options: CallOptions | undefined;
  #last: B3Digest | undefined;
  #isClosed = false;

  constructor(
    directories: Pick<DirectoryService, 'put'>,
    options?: CallOptions,
  ) {
    this.#directories = directories;
    this.#options = options;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  async put(directory: Directory): Promise<void> {
    this.#assertOpen();
    try {
      this.#last = await this.#directories.put(directory, this.#options);
    } catch (error) {
      this.#isClosed = true;
      throw error;
    }
  }

  async close(): Promise<B3Digest> {
    this.#assertOpen();
    if (this.#last === undefined) {
      throw new CastoreError(
        'castore/nothing-put',
        'no directory was put before the end',
      );
    }
    this.#isClosed = true;
    return this.#last;
  }

  async abort(): Promise<void> {
    this.#isClosed = true;
  }

  #assertOpen(): void {
    if (this.#isClosed)
      throw new CastoreError(
        'castore/closed',
        'the directory putter is closed',
      );
  }
}
