import { fstatSync, read } from 'node:fs';
import type { ReadPosition } from 'node:fs';
import type { RandomAccess } from '@tvix/nar';
import { CliError } from './errors.ts';

const CHUNK_BYTES = 256 * 1024;
const RETRY_MS = 1;

/**
 * The bytes of a file descriptor from where it stands to its end. Each chunk has memory of its own.
 *
 * @throws CliError `cli/io`
 */
export async function* readDescriptor(
  fd: number,
): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    const length = await readInto(fd, buffer, null);
    if (length === 0) return;
    yield buffer.subarray(0, length);
  }
}

/** A file descriptor as bytes at any position; `undefined` for a pipe, which knows none. */
export function randomAccess(fd: number): RandomAccess | undefined {
  const stats = fstatSync(fd);
  if (!stats.isFile()) return undefined;
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  return {
    size: stats.size,
    async read(position, length) {
      const wanted = buffer.subarray(0, Math.min(length, CHUNK_BYTES));
      return buffer.subarray(0, await readInto(fd, wanted, position));
    },
  };
}

function readInto(
  fd: number,
  buffer: Uint8Array,
  position: ReadPosition | null,
): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, buffer, 0, buffer.length, position, (error, length) => {
      if (error === null) resolve(length);
      else if (error.code === 'EAGAIN')
        setTimeout(() => resolve(readInto(fd, buffer, position)), RETRY_MS);
      else
        reject(
          new CliError('cli/io', `cannot read the input: ${error.message}`, {
            cause: error,
          }),
        );
    });
  });
}
