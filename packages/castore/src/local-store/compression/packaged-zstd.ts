import { createRequire } from 'node:module';
import { fill, place } from './zstd-result.ts';
import type { Zstd } from './zstd.ts';

interface Addon {
  Encoder: new (level: number) => { encodeSync(bytes: Uint8Array): Uint8Array };
  Decoder: new () => { decodeSync(bytes: Uint8Array): Uint8Array };
}

/**
 * Below this many raw bytes the wasm with its kept context beats the addon, which sets up a context for each call
 * (12 against 26 µs at 300 bytes, 18 against 27 at 1 KiB, 45 against 39 at 4 KiB).
 */
const ADDON_FROM_BYTES = 2048;

/** The addon `@toondepauw/node-zstd`, with another for small inputs; `undefined` where it isn't installed. */
export function openPackagedZstd(forSmall: Zstd): Zstd | undefined {
  let addon: Addon;
  try {
    addon = createRequire(import.meta.url)('@toondepauw/node-zstd') as Addon;
  } catch {
    // An optional dependency: no prebuilt binary for this platform, or left out on purpose.
    return undefined;
  }
  const encoders = new Map<number, InstanceType<Addon['Encoder']>>();
  const decoder = new addon.Decoder();
  return {
    compress: (bytes, level, target) => {
      if (bytes.length < ADDON_FROM_BYTES)
        return forSmall.compress(bytes, level, target);
      let encoder = encoders.get(level);
      if (encoder === undefined) {
        encoder = new addon.Encoder(level);
        encoders.set(level, encoder);
      }
      return place(encoder.encodeSync(asBuffer(bytes)), target);
    },
    decompress: (frame, target) => {
      if (target.length < 2 * ADDON_FROM_BYTES)
        forSmall.decompress(frame, target);
      else fill(target, decoder.decodeSync(asBuffer(frame)));
    },
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
