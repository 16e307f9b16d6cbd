import { createRequire } from 'node:module';
import type { Zstd } from './zstd.ts';

/** What is used of koffi. */
interface Koffi {
  load(library: string): {
    func(prototype: string): (...args: unknown[]) => unknown;
  };
}

let opened: Zstd | undefined;

/**
 * The libzstd of a Linux system, called through koffi; `undefined` where one of the two is missing. Debian's dpkg needs
 * it, Fedora's rpm too.
 *
 * NOTE: the main thread must have opened it before another does: a library that only a worker loaded leaves memory with
 * it.
 */
export function openSystemZstd(): Zstd | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    opened ??= bind(createRequire(import.meta.url)('koffi') as Koffi);
    return opened;
  } catch {
    // No binary of koffi for this platform, left out on purpose, or no such library.
    return undefined;
  }
}

function bind(koffi: Koffi): Zstd {
  const library = koffi.load('libzstd.so.1');
  const call = (prototype: string): ((...args: unknown[]) => unknown) =>
    library.func(prototype);
  // Lengths are signed here: a failure, which libzstd answers with as the highest of lengths, is negative then.
  const compress = call(
    'long ZSTD_compressCCtx(void *context, void *target, size_t capacity, const void *source, size_t length, int level)',
  );
  const decompress = call(
    'long ZSTD_decompressDCtx(void *context, void *target, size_t capacity, const void *source, size_t length)',
  );
  // One of each for a thread, for as long as it lives.
  const compressor = call('void *ZSTD_createCCtx()')();
  const decompressor = call('void *ZSTD_createDCtx()')();
  return {
    compress: (bytes, level, target) => {
      const { length } = bytes;
      const written = compress(
        compressor,
        target,
        target.length,
        bytes,
        length,
        level,
      ) as number;
      return written < 0 ? undefined : written;
    },
    decompress: (frame, target) => {
      const written = decompress(
        decompressor,
        target,
        target.length,
        frame,
        frame.length,
      ) as number;
      if (written !== target.length)
        throw new Error(
          written < 0
            ? 'the frame is damaged or too long'
            : `the frame holds ${written} bytes, its record says ${target.length}`,
        );
    },
  };
}
