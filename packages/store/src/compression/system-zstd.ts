/**
 * Zstandard, by the libzstd of a Linux system, called through koffi: at ten times the speed of the packaged decoder, and
 * into the same memory again and again.
 */
import { openLibzstd } from '@tvix/castore';
import type { LibraryFunctions } from '@tvix/castore';
import { corrupt, cutOff, windowTooLarge } from './corrupt.ts';

type Unzstd = (
  source: AsyncIterable<Uint8Array>,
  memory?: () => Uint8Array,
) => AsyncGenerator<Uint8Array, void, undefined>;

/** The most that comes out at a time: a block. */
const PIECE_BYTES = 128 * 1024;

/** ZSTD_d_windowLogMax: windows up to that of the highest level that has no need of a flag, and of `--long`. */
const WINDOW_LOG_MAX = 100;
const MAX_WINDOW_LOG = 27;
/** What libzstd answers where a frame needs more. */
const WINDOW_TOO_LARGE = -16;

let opened: Unzstd | undefined;

/** The decoder; `undefined` where koffi or the library is missing. A piece holds until the next is asked for. */
export function openSystemZstd(): Unzstd | undefined {
  return (opened ??= openLibzstd(bind));
}

function bind(call: LibraryFunctions): Unzstd {
  const create = call('void *ZSTD_createDCtx()');
  const free = call('size_t ZSTD_freeDCtx(void *context)');
  const set = call(
    'size_t ZSTD_DCtx_setParameter(void *context, int parameter, int value)',
  );
  // The answer is signed here: a failure, which libzstd answers with as the highest of lengths, is negative then.
  const decompress = call(
    'long ZSTD_decompressStream_simpleArgs(void *context, void *target, size_t capacity, void *written, const void *source, size_t length, void *read)',
  );

  return async function* (source, memory) {
    const context = create();
    try {
      set(context, WINDOW_LOG_MAX, MAX_WINDOW_LOG);
      const own = memory ? undefined : Buffer.allocUnsafeSlow(PIECE_BYTES);
      const progress = new BigUint64Array(2);
      const [written, read] = [progress.subarray(0, 1), progress.subarray(1)];
      /** How much more would be welcome: nothing at the end of a frame that was given out whole. */
      let wanted = 1;
      for await (const piece of source) {
        let taken = 0;
        let isFull = false;
        while (taken < piece.length || (wanted > 0 && isFull)) {
          const target = own ?? memory!();
          progress.set([0n, BigInt(taken)]);
          wanted = decompress(
            context,
            ...[target, target.length, written],
            ...[piece, piece.length, read],
          ) as number;
          if (wanted === WINDOW_TOO_LARGE)
            throw windowTooLarge(undefined, 2 ** MAX_WINDOW_LOG);
          if (wanted < 0) throw corrupt(`libzstd failed with ${-wanted}`);
          const given = Number(progress[0]);
          taken = Number(progress[1]);
          isFull = given === target.length;
          if (given > 0) yield target.subarray(0, given);
        }
      }
      if (wanted > 0) throw cutOff();
    } finally {
      free(context);
    }
  };
}
