import { createRequire } from 'node:module';

/** A function of the library by its prototype in C; fails where the library has none of that name. */
export type LibzstdFunctions = (
  prototype: string,
) => (...args: unknown[]) => unknown;

/** What is used of koffi. */
interface Koffi {
  load(library: string): { func: LibzstdFunctions };
}

/**
 * What `bind` makes of the libzstd of a Linux system, called through koffi; `undefined` where one of the two, or a
 * function, is missing. Debian's dpkg needs the library, Fedora's rpm too.
 *
 * NOTE: the main thread must have opened it before another does: a library that only a worker loaded leaves memory with
 * it.
 */
export function openLibzstd<T>(
  bind: (functions: LibzstdFunctions) => T,
): T | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    const library = koffi.load('libzstd.so.1');
    return bind((prototype) => library.func(prototype));
  } catch {
    // No binary of koffi for this platform, left out on purpose, or no such library.
    return undefined;
  }
}
