import { openPackagedZstd } from './packaged-zstd.ts';
import { openSystemZstd } from './system-zstd.ts';
import { openWasmZstd } from './wasm-zstd.ts';
import type { Zstd } from './zstd.ts';

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
