import { fstatSync, read, readSync } from 'node:fs';
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

/**
 * A file descriptor as bytes at any position; `undefined` for a pipe, which knows none. It reads in place: a command that
 * jumps through an archive has nothing else to do meanwhile, and the way to another thread costs more than a short read.
 */
export function randomAccess(fd: number): RandomAccess | undefined {
  const stats = fstatSync(fd);
  if (!stats.isFile()) return undefined;
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  return {
    size: stats.size,
    read(position, length) {
      const wanted = Math.min(length, CHUNK_BYTES);
      try {
        return buffer.subarray(0, readSync(fd, buffer, 0, wanted, position));
      } catch (cause) {
        throw unreadable(cause as Error);
      }
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
      else reject(unreadable(error));
    });
  });
}

function unreadable(cause: Error): CliError {
  return new CliError('cli/io', `cannot read the input: ${cause.message}`, {
    cause,
  });
}
