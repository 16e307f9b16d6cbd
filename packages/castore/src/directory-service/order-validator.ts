import type { B3Digest } from '../digest/b3-digest.ts';
import { CastoreError } from '../errors.ts';
import type { Directory } from '../node/directory.ts';

/**
 * The rule of a stream of directories: leaves first. Each child must have come earlier in the same stream, and its
 * parent must claim its true size. Repetitions and directories that nothing refers to are fine.
 *
 * Keeps one digest and one size for each directory that passed.
 */
export class OrderValidator {
  /** By the keys of digests: the digests themselves, with their buffers, would take three times as much. */
  readonly #sizes = new Map<string, bigint>();
  #last: B3Digest | undefined;

  /**
   * Checks the next directory and remembers it.
   *
   * @throws CastoreError `castore/child-not-sent`, `castore/wrong-child-size`
   */
  accept(directory: Directory): void {
    for (const child of directory.directories()) {
      const size = this.#sizes.get(child.digest.key);
      const details = { digest: child.digest };
      if (size === undefined) {
        throw new CastoreError(
          'castore/child-not-sent',
          `child directory ${child.digest.toString()} was not sent before its parent`,
          { details },
        );
      }
      if (size !== child.size) {
        throw new CastoreError(
          'castore/wrong-child-size',
          `child directory ${child.digest.toString()} has size ${size}, its parent says ${child.size}`,
          { details },
        );
      }
    }
    this.#last = directory.digest;
    this.#sizes.set(this.#last.key, directory.size);
  }

  /** The digest of the last directory; `undefined` before the first. */
  get last(): B3Digest | undefined {
    return this.#last;
  }

  /**
   * Ends the stream: the digest of the last directory.
   *
   * @throws CastoreError `castore/nothing-put` where there was none
   */
  finish(): B3Digest {
    if (this.#last === undefined) {
      throw new CastoreError(
        'castore/nothing-put',
        'no directory was put before the end',
      );
    }
    return this.#last;
  }
}
