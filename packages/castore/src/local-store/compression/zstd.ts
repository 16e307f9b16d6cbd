/** The one seam to Zstandard. Each implementation reads the others' frames. */
import { openPackagedZstd } from './packaged-zstd.ts';
import { openSystemZstd } from './system-zstd.ts';
import { openWasmZstd } from './wasm-zstd.ts';

/** Compresses and decompresses whole inputs. */
export interface Zstd {
  /** Writes a frame to the front of `target`; answers with its length, `undefined` where it doesn't fit. */
  compress(
    bytes: Uint8Array,
    level: number,
    target: Uint8Array,
  ): number | undefined;
  /**
   * Fills `target` with what a frame holds.
   *
   * @throws Error where the frame is damaged or doesn't hold just as many bytes
   */
  decompress(frame: Uint8Array, target: Uint8Array): void;
}

/**
 * The best that there is: the system's libzstd, which works in place and keeps its contexts; the addon from the package
 * registry, at half that speed, for what it is worth its set-up for; WebAssembly everywhere.
 */
export async function openZstd(): Promise<Zstd> {
  const system = openSystemZstd();
  if (system !== undefined) return system;
  const wasm = await openWasmZstd();
  return openPackagedZstd(wasm) ?? wasm;
}
