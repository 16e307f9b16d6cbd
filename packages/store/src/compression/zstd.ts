import { unzstdByPackage } from './packaged-zstd.ts';
import { openSystemZstd } from './system-zstd.ts';

/**
 * Undoes Zstandard, frame after frame. The checksums and lengths that frames tell are checked. A piece may lie in memory
 * that is used again once the next is asked for; `memory` answers with some for the next, where the system's library can
 * be told.
 *
 * @throws StoreError `store/corrupt-compression`, `store/limit-exceeded` for a window over 128 MiB
 */
export function unzstd(
  source: AsyncIterable<Uint8Array>,
  memory?: () => Uint8Array,
): AsyncIterable<Uint8Array> {
  return openSystemZstd()?.(source, memory) ?? unzstdByPackage(source);
}
