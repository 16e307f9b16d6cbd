import { createRequire } from 'node:module';

/** Each frame holds so many bytes: long enough to compress well, short enough not to hold up everything else. */
const FRAME_BYTES = 256 * 1024;
const LEVEL = 1;

interface ZstdWasm {
  init(): Promise<void>;
  compress(bytes: Uint8Array, level: number): Uint8Array;
}

let ready: Promise<ZstdWasm> | undefined;

function open(): Promise<ZstdWasm> {
  ready ??= (async () => {
    const require = createRequire(import.meta.url);
    const wasm = require('@bokuweb/zstd-wasm') as ZstdWasm;
    await wasm.init();
    return wasm;
  })();
  return ready;
}

/** Compresses with Zstandard, as frames of 256 KiB each: a stream of them is decoded as one. */
export async function* zstd(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const wasm = await open();
  const frame = new Uint8Array(FRAME_BYTES);
  let length = 0;
  for await (const piece of source) {
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + FRAME_BYTES - length);
      frame.set(part, length);
      length += part.length;
      at += part.length;
      if (length < FRAME_BYTES) continue;
      yield wasm.compress(frame, LEVEL);
      length = 0;
    }
  }
  if (length > 0) yield wasm.compress(frame.subarray(0, length), LEVEL);
}
