import { C_LIBRARY, openSystemLibrary } from '../../system-library.ts';

type Fallocate = (
  fd: number,
  mode: number,
  offset: number,
  length: number,
) => unknown;

/**
 * Gives an open file so many bytes of space of its own without writing them, by `fallocate(2)` of a Linux system. False
 * where it can't be called ({@link openSystemLibrary}), the file system knows nothing of it, or there is no such space.
 */
export function allocateFile(fd: number, bytes: number): boolean {
  const fallocate = openSystemLibrary<Fallocate>(C_LIBRARY, (call) =>
    call('int fallocate64(int, int, int64_t, int64_t)'),
  );
  return fallocate?.(fd, 0, 0, bytes) === 0;
}
