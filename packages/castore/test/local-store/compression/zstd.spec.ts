import { describe, expect, it } from '@jest/globals';
import { compressBatch } from '../../../src/local-store/compression/compress-batch.ts';
import { openZstd } from '../../../src/local-store/compression/open-zstd.ts';
import { openPackagedZstd } from '../../../src/local-store/compression/packaged-zstd.ts';
import { openSystemZstd } from '../../../src/local-store/compression/system-zstd.ts';
import { openWasmZstd } from '../../../src/local-store/compression/wasm-zstd.ts';
import type { Zstd } from '../../../src/local-store/compression/zstd.ts';
import { Codec } from '../../../src/local-store/packs/record.ts';
import { randomBytes } from '../../blob-service/random-bytes.ts';

const wasm = await openWasmZstd();
const best = await openZstd();
const implementations: [string, Zstd][] = [
  ['wasm', wasm],
  // Where one isn't there, the best that is stands in for it.
  ['the addon', openPackagedZstd(wasm) ?? best],
  ['the system', openSystemZstd() ?? best],
];

function compressed(zstd: Zstd, bytes: Uint8Array): Uint8Array {
  const target = new Uint8Array(bytes.length + 64);
  return target.subarray(0, zstd.compress(bytes, 3, target));
}

function decompressed(
  zstd: Zstd,
  frame: Uint8Array,
  length: number,
): Uint8Array {
  const target = new Uint8Array(length);
  zstd.decompress(frame, target);
  return target;
}

const inputs = [1, 100, 3000, 100_000, 600_000].map((length) =>
  Buffer.from(
    'all work and no play makes jack a dull boy. '.repeat(15_000),
  ).subarray(0, length),
);

describe.each(implementations)('frames of %s', (_, writer) => {
  it.each(implementations)('are read by %s', (_name, reader) => {
    for (const input of inputs) {
      const frame = compressed(writer, input);
      const output = decompressed(reader, frame, input.length);
      expect(Buffer.compare(output, input)).toBe(0);
    }
  });

  it.each(implementations)(
    'are refused by %s where they hold another length, or are damaged',
    (_name, reader) => {
      const frame = compressed(writer, inputs[2]!);
      expect(() => decompressed(reader, frame, 2999)).toThrow();
      expect(() => decompressed(reader, frame, 3001)).toThrow();
      const cut = frame.subarray(0, -1);
      expect(() => decompressed(reader, cut, 3000)).toThrow();
    },
  );

  it('are not made where there is too little room', () => {
    const { length } = compressed(writer, inputs[3]!);
    const room = new Uint8Array(length - 1);
    expect(writer.compress(inputs[3]!, 3, room)).toBeUndefined();
  });
});

function batchOf(payloads: Uint8Array[]): Parameters<typeof compressBatch>[2] {
  const lengths = Uint32Array.from(payloads, ({ length }) => length);
  const bytes = Buffer.concat(payloads);
  const slab = new Uint8Array(new SharedArrayBuffer(bytes.length));
  slab.set(bytes);
  return { slab, lengths };
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
    const batch = batchOf(payloads);
    const result = compressBatch(best, 3, batch);
    expect([...result.codecs]).toEqual([
      Codec.zstd,
      Codec.raw,
      Codec.raw,
      Codec.raw,
      Codec.zstd,
    ]);
    let at = 0;
    for (const [i, payload] of payloads.entries()) {
      const stored = batch.slab.slice(at, at + result.storedLengths[i]!);
      at += stored.length;
      const raw =
        result.codecs[i] === Codec.raw
          ? stored
          : decompressed(best, stored, payload.length);
      expect(Buffer.compare(raw, payload)).toBe(0);
    }
  });

  it('tells noise from what shrinks by samples all over a payload', () => {
    const text = inputs[3]!;
    const noise = randomBytes(100_000, 3);
    const half = 50_000;
    const payloads = [
      noise,
      noise.subarray(0, 600),
      Buffer.concat([text.subarray(0, half), noise.subarray(0, half)]),
      Buffer.concat([noise.subarray(0, half), text.subarray(0, half)]),
      text.subarray(0, 600),
    ];
    const { codecs } = compressBatch(best, 3, batchOf(payloads));
    expect([...codecs]).toEqual([
      Codec.raw,
      Codec.raw,
      Codec.zstd,
      Codec.zstd,
      Codec.zstd,
    ]);
  });

  it.each<[string, Zstd['decompress']]>([
    ['other bytes', (_, target) => void target.fill(0)],
    [
      'an error',
      () => {
        throw new Error('corrupted block detected');
      },
    ],
  ])('keeps no frame that decodes to %s', (_, decompress) => {
    const broken: Zstd = { ...best, decompress };
    const batch = batchOf([inputs[2]!]);
    const { codecs } = compressBatch(broken, 3, batch);
    expect([...codecs]).toEqual([Codec.raw]);
    expect(Buffer.compare(batch.slab, inputs[2]!)).toBe(0);
  });
});
