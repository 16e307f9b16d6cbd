import { openSystemLibrary } from '../../system-library.ts';
import type { LibraryFunctions } from '../../system-library.ts';

/**
 * What `bind` makes of the libzstd of a Linux system ({@link openSystemLibrary}); `undefined` where it can't be called.
 * Debian's dpkg needs the library, Fedora's rpm too.
 *
 * NOTE: the main thread must have opened it before another does: a library that only a worker loaded leaves memory with
 * it.
 */
export function openLibzstd<T>(
  bind: (functions: LibraryFunctions) => T,
): T | undefined {
  return openSystemLibrary('libzstd.so.1', bind);
}
