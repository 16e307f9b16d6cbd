import type { LibraryFunctions } from '../../system-library.ts';
import { openLibzstd } from './libzstd.ts';
import type { Zstd } from './zstd.ts';

let opened: Zstd | undefined;

/** The libzstd of the system; `undefined` where it can't be called ({@link openLibzstd}). */
export function openSystemZstd(): Zstd | undefined {
  return (opened ??= openLibzstd(bind));
}

function bind(call: LibraryFunctions): Zstd {
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
