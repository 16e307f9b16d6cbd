import { describe, expect, it } from '@jest/globals';
import { compressBatch } from '../../../src/local-store/compression/compress-batch.ts';
import {
  openNativeZstd,
  openWasmZstd,
  openZstd,
  type Zstd,
} from '../../../src/local-store/compression/zstd.ts';
import { Codec } from '../../../src/local-store/record.ts';
import { randomBytes } from '../../blob-service/random-bytes.ts';

const wasm = await openWasmZstd();
const best = await openZstd();
const implementations: [string, Zstd][] = [
  ['wasm', wasm],
  // Where the native one isn't installed, the best is the wasm.
  ['native', openNativeZstd() ?? best],
  ['the best of both', best],
];
const inputs = [1, 100, 3000, 100_000, 600_000].map((length) =>
  Buffer.from(
    'all work and no play makes jack a dull boy. '.repeat(15_000),
  ).subarray(0, length),
);

describe.each(implementations)('frames of %s', (_, writer) => {
  it.each(implementations)('are read by %s', (_name, reader) => {
    for (const input of inputs) {
      const frame = writer.compress(input, 3);
      const output = reader.decompress(frame, input.length);
      expect(Buffer.compare(output, input)).toBe(0);
    }
  });

  it.each(implementations)(
    'are refused by %s where they hold another length, or are damaged',
    (_name, reader) => {
      const frame = writer.compress(inputs[2]!, 3);
      expect(() => reader.decompress(frame, 2999)).toThrow();
      expect(() => reader.decompress(frame, 3001)).toThrow();
      expect(() => reader.decompress(frame.subarray(0, -1), 3000)).toThrow();
    },
  );
});

function batchOf(payloads: Uint8Array[]): Parameters<typeof compressBatch>[2] {
  return {
    slab: new Uint8Array(Buffer.concat(payloads)),
    lengths: Uint32Array.from(payloads, ({ length }) => length),
  };
}

describe('compressBatch', () => {
  it('keeps what does not shrink as it is, and lays all of them end to end', () => {
    const payloads = [
      inputs[2]!,
      randomBytes(50, 1),
      randomBytes(40_000, 2),
      new Uint8Array(0),
      inputs[3]!,
    ];
    const result = compressBatch(best, 3, batchOf(payloads));
    expect([...result.codecs]).toEqual([
      Codec.zstd,
      Codec.raw,
      Codec.raw,
      Codec.raw,
      Codec.zstd,
    ]);
    let at = 0;
    for (const [i, payload] of payloads.entries()) {
      const stored = result.slab.slice(at, at + result.storedLengths[i]!);
      at += stored.length;
      const raw =
        result.codecs[i] === Codec.raw
          ? stored
          : best.decompress(stored, payload.length);
      expect(Buffer.compare(raw, payload)).toBe(0);
    }
  });

  it.each<[string, Zstd['decompress']]>([
    ['other bytes', (_, rawLength) => new Uint8Array(rawLength)],
    [
      'an error',
      () => {
        throw new Error('corrupted block detected');
      },
    ],
  ])('keeps no frame that decodes to %s', (_, decompress) => {
    const broken: Zstd = { ...best, decompress };
    const { codecs, slab } = compressBatch(broken, 3, batchOf([inputs[2]!]));
    expect([...codecs]).toEqual([Codec.raw]);
    expect(Buffer.compare(slab, inputs[2]!)).toBe(0);
  });
});
