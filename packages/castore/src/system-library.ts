import { createRequire } from 'node:module';

/** A function of a library by its prototype in C; fails where the library has none of that name. */
export type LibraryFunctions = (
  prototype: string,
) => (...args: unknown[]) => unknown;

/** What is used of koffi. */
interface Koffi {
  load(library: string | null): { func: LibraryFunctions };
}

/** The C library that Node itself runs with. */
export const C_LIBRARY = null;

/** Looked for once: looking takes long where it is missing. */
let koffi: { readonly found: Koffi | undefined } | undefined;

/**
 * What `bind` makes of a shared library of a Linux system, called through koffi; `undefined` where koffi, the library or a
 * function is missing, and on other systems.
 */
export function openSystemLibrary<T>(
  name: string | typeof C_LIBRARY,
  bind: (functions: LibraryFunctions) => T,
): T | undefined {
  if (process.platform !== 'linux') return undefined;
  koffi ??= { found: findKoffi() };
  try {
    const library = koffi.found?.load(name);
    return library && bind((prototype) => library.func(prototype));
  } catch {
    return undefined;
  }
}

function findKoffi(): Koffi | undefined {
  try {
    return createRequire(import.meta.url)('koffi') as Koffi;
  } catch {
    // No binary for this platform, or left out on purpose.
    return undefined;
  }
}
