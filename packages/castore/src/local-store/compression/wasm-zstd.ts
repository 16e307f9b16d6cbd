import { createRequire } from 'node:module';
import { fill, place } from './zstd-result.ts';
import type { Zstd } from './zstd.ts';

interface Wasm {
  init(): Promise<void>;
  createCCtx(): number;
  createDCtx(): number;
  compressUsingDict(
    context: number,
    bytes: Uint8Array,
    dictionary: Uint8Array,
    level: number,
  ): Uint8Array;
  decompressUsingDict(
    context: number,
    bytes: Uint8Array,
    dictionary: Uint8Array,
    options: { defaultHeapSize: number },
  ): Uint8Array;
}

let opened: Promise<Zstd> | undefined;

/** `@bokuweb/zstd-wasm`, which runs everywhere. Its module is set up once a thread. */
export function openWasmZstd(): Promise<Zstd> {
  opened ??= open();
  return opened;
}

async function open(): Promise<Zstd> {
  const wasm = createRequire(import.meta.url)('@bokuweb/zstd-wasm') as Wasm;
  await wasm.init();
  const compressor = wasm.createCCtx();
  const decompressor = wasm.createDCtx();
  const noDictionary = new Uint8Array(0);
  return {
    compress: (bytes, level, target) =>
      place(
        wasm.compressUsingDict(compressor, bytes, noDictionary, level),
        target,
      ),
    // Not every frame tells its length: room is made for what the record's header says.
    decompress: (frame, target) =>
      fill(
        target,
        wasm.decompressUsingDict(decompressor, frame, noDictionary, {
          defaultHeapSize: target.length,
        }),
      ),
  };
}
