import { createRequire } from 'node:module';

type Fallocate = (
  fd: number,
  mode: number,
  offset: number,
  length: number,
) => number;

/** What is used of koffi. */
interface Koffi {
  load(library: null): { func(prototype: string): Fallocate };
}

/**
 * Gives an open file so many bytes of space of its own without writing them, by `fallocate(2)` of a Linux system called
 * through koffi. False where it can't be called, the file system knows nothing of it, or there is no such space.
 */
export function allocateFile(fd: number, bytes: number): boolean {
  if (process.platform !== 'linux') return false;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    // The C library that Node itself runs with.
    const fallocate = koffi
      .load(null)
      .func('int fallocate64(int, int, int64_t, int64_t)');
    return fallocate(fd, 0, 0, bytes) === 0;
  } catch {
    // No binary of koffi for this platform, left out on purpose, or a C library without it.
    return false;
  }
}
