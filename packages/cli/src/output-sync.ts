import { writevSync } from 'node:fs';
import { dropBytes, outputFailure } from './output.ts';

/** A wait that nothing ends but time. */
const CLOCK = new Int32Array(new SharedArrayBuffer(4));
const RETRY_MS = 1;

/**
 * Writes to a file descriptor and returns when all is taken: the fastest way into a pipe, for commands that have nothing
 * else to do meanwhile.
 *
 * @throws CliError `cli/output-closed`, `cli/io`
 */
export function writeFully(fd: number, chunks: readonly Uint8Array[]): void {
  let left: readonly Uint8Array[] = chunks;
  while (left.length > 0) {
    try {
      left = dropBytes(left, writevSync(fd, left as Uint8Array[]));
    } catch (error) {
      const failure = error as NodeJS.ErrnoException;
      if (failure.code !== 'EAGAIN') throw outputFailure(failure);
      Atomics.wait(CLOCK, 0, 0, RETRY_MS);
    }
  }
}
