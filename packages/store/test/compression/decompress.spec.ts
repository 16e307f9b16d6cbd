import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { brotliCompressSync, crc32, gzipSync, inflateSync } from 'node:zlib';
import { Expansion, FREE_BYTES } from '../../src/compression/bounded.ts';
import type { Compression } from '../../src/compression/compression.ts';
import { acceptedEncoding, encode } from '../../src/compression/encode.ts';
import { decompress } from '../../src/compression/decompress.ts';
import { unzstdByPackage } from '../../src/compression/packaged-zstd.ts';
import { repack } from '../../src/compression/repack.ts';
import { collect } from '../fixtures.ts';
import { sample } from './sample.ts';

const VECTORS = JSON.parse(
  readFileSync(new URL('./vectors.json', import.meta.url), 'utf8'),
) as Record<
  string,
  { compression: Compression; content: string; data: string }
>;
/** These hold no checksums: those of Nix that are made without, and Brotli's. */
const UNCHECKED = new Set(['nix zstd', 'nix br', 'zstd frames']);
const SAMPLE = Buffer.from(sample());

/** What the real Nix, xz, zstd, bzip2 and lz4 compressed. */
function contentOf(content: string): Buffer {
  const nar = narOfFile(SAMPLE);
  switch (content) {
    case 'nar':
      return nar;
    case 'nar twice':
      return Buffer.concat([nar, nar]);
    case 'twice':
      return Buffer.concat([SAMPLE, SAMPLE]);
    default:
      return SAMPLE;
  }
}

function narOfFile(contents: Buffer): Buffer {
  const str = (bytes: Buffer): Buffer => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(bytes.length));
    return Buffer.concat([length, bytes, Buffer.alloc(-bytes.length & 7)]);
  };
  const words = ['nix-archive-1', '(', 'type', 'regular', 'contents'];
  return Buffer.concat([
    ...words.map((word) => str(Buffer.from(word))),
    str(contents),
    str(Buffer.from(')')),
  ]);
}

/** The head of an xz file whose block asks for a window by that code. */
function xzHead(window: number): Buffer {
  const withCrc = (bytes: Buffer): Buffer => {
    const crc = Buffer.alloc(4);
    crc.writeUInt32LE(crc32(bytes));
    return Buffer.concat([bytes, crc]);
  };
  return Buffer.concat([
    Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]),
    withCrc(Buffer.of(0, 0)),
    withCrc(Buffer.of(2, 0, 0x21, 1, window, 0, 0, 0)),
  ]);
}

async function* inPieces(
  bytes: Uint8Array,
  length: number,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length)
    yield bytes.subarray(at, at + length);
}

type Undo = (source: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/** What undoes a compression, by what tells it from others: zstd is decoded by what the system has, or by a package. */
function decodersOf(compression: Compression): [string, Undo][] {
  const decoders: [string, Undo][] = [
    ['', (source) => decompress(compression, source)],
  ];
  if (compression === 'zstd') decoders.push([' by a package', unzstdByPackage]);
  return decoders;
}

const CASES = Object.entries(VECTORS).flatMap(
  ([vector, { compression, content, data }]) =>
    decodersOf(compression).map(([how, undo]) => ({
      name: vector + how,
      isChecked: !UNCHECKED.has(vector),
      undo,
      content,
      data,
    })),
);

describe('decompression', () => {
  for (const { name, isChecked, undo, content, data } of CASES) {
    const packed = Buffer.from(data, 'base64');

    for (const length of [1, 4096, packed.length]) {
      it(`undoes ${name} that comes in pieces of ${length}`, async () => {
        const out = await collect(undo(inPieces(packed, length)));
        expect(contentOf(content).equals(out)).toBe(true);
      });
    }

    it(`refuses ${name} that is cut off anywhere`, async () => {
      for (let end = 0; end < packed.length; end += 1511) {
        const cut = packed.subarray(0, end);
        const outcome = await collect(undo(inPieces(cut, 4096))).then(
          (out) => out.length,
          (error: { code: string }) => error.code,
        );
        // Where one of several streams ends, the file might.
        if (typeof outcome === 'number')
          expect(outcome).toBeLessThan(contentOf(content).length);
        else expect(outcome).toBe('store/corrupt-compression');
      }
    });

    it(`never ends other than by its own error where ${name} is damaged`, async () => {
      for (let at = 0; at < packed.length; at += 1999) {
        const damaged = Buffer.from(packed);
        damaged[at]! ^= 0x55;
        const outcome = await collect(undo(inPieces(damaged, 4096))).catch(
          (error: { code: string }) => error.code,
        );
        // What isn't told by a checksum is told by the hash of the NAR.
        if (typeof outcome !== 'string' && !isChecked) continue;
        expect(['store/corrupt-compression', 'store/limit-exceeded']).toContain(
          outcome,
        );
      }
    });
  }

  const windows: [Compression, number[]][] = [
    ['xz', [...xzHead(40)]],
    ['zstd', [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0, 0, 0]],
    ['lzip', [0x4c, 0x5a, 0x49, 0x50, 1, 29, 0, 0, 0, 0, 0, 0]],
  ];
  for (const [compression, head] of windows) {
    for (const [how, undo] of decodersOf(compression)) {
      it(`refuses ${compression}${how} that asks for a huge window`, async () => {
        await expect(
          collect(undo(inPieces(Uint8Array.from(head), 64))),
        ).rejects.toMatchObject({ code: 'store/limit-exceeded' });
      });
    }
  }

  it('passes failures of the source on as they are', async () => {
    for (const { compression, data } of Object.values(VECTORS)) {
      const failure = new Error('the line is dead');
      async function* source(): AsyncGenerator<Uint8Array> {
        yield Buffer.from(data, 'base64').subarray(0, 100);
        throw failure;
      }
      await expect(collect(decompress(compression, source()))).rejects.toBe(
        failure,
      );
    }
  });
});

/** 4 MiB of zeros by `xz`, `bzip2`, `lz4` and `zstd`, and an lzip member; packed with zlib once more. */
const ZEROS = JSON.parse(
  readFileSync(new URL('./zeros.json', import.meta.url), 'utf8'),
) as Record<'xz' | 'lzip' | 'bzip2' | 'lz4' | 'zstd', string>;

function bombs(): [Compression, Buffer][] {
  const zeros = Buffer.alloc(64 * 1024 * 1024);
  return [
    ['gzip', gzipSync(zeros)],
    ['br', brotliCompressSync(zeros)],
    ...Object.entries(ZEROS).map(
      ([compression, packed]): [Compression, Buffer] => [
        compression as Compression,
        inflateSync(Buffer.from(packed, 'base64')),
      ],
    ),
  ];
}

describe('what comes out of a compressed file', () => {
  for (const [compression, bomb] of bombs()) {
    for (const [how, undo] of decodersOf(compression))
      it(`ends at its bound for ${compression}${how}`, async () => {
        const limits = { maxBytes: 1024 * 1024, maxRatio: 2000 };
        const expansion = new Expansion(limits);
        let out = 0;
        const read = async (): Promise<void> => {
          const source = expansion.counted(inPieces(bomb, 4096));
          const decoded = expansion.bounded(undo(source));
          for await (const piece of decoded) out += piece.length;
        };
        await expect(read()).rejects.toMatchObject({
          code: 'store/limit-exceeded',
        });
        expect(out).toBeLessThanOrEqual(limits.maxBytes);
      });
  }

  it('ends where it is too many times the input, once it is large', async () => {
    const expansion = new Expansion({ maxBytes: Infinity, maxRatio: 10 });
    for await (const piece of expansion.counted(inPieces(SAMPLE, 4096)))
      expect(piece.length).toBeGreaterThan(0);
    const zeros = new Uint8Array(16 * 1024 * 1024);
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield zeros;
    }
    let out = 0;
    const read = async (): Promise<void> => {
      for await (const piece of expansion.bounded(endless()))
        out += piece.length;
    };
    await expect(read()).rejects.toMatchObject({
      code: 'store/limit-exceeded',
    });
    expect(out).toBe(FREE_BYTES);
  });
});

describe('repacked files', () => {
  for (const compression of [
    'none',
    'gzip',
    'br',
    'zstd',
    'xz',
    'lz4',
  ] as const) {
    it(`of ${compression} hold what was packed`, async () => {
      const packed = await collect(
        repack(compression, inPieces(SAMPLE, 10_007)),
      );
      const out = await collect(decompress(compression, inPieces(packed, 999)));
      expect(SAMPLE.equals(out)).toBe(true);
    });
  }
});

describe('content encodings', () => {
  it('are chosen among those that the client takes', () => {
    expect(acceptedEncoding(undefined)).toBeUndefined();
    expect(acceptedEncoding('identity')).toBeUndefined();
    expect(acceptedEncoding('br, gzip')).toBe('gzip');
    expect(acceptedEncoding('zstd;q=0, br')).toBe('br');
    expect(acceptedEncoding('zstd, br, gzip, deflate, bzip2, xz')).toBe('zstd');
  });

  for (const coding of ['zstd', 'gzip', 'br'] as const) {
    it(`of ${coding} hold the body`, async () => {
      const encoded = await collect(encode(coding, inPieces(SAMPLE, 333)));
      const out = await collect(decompress(coding, inPieces(encoded, 4096)));
      expect(SAMPLE.equals(out)).toBe(true);
      expect(encoded.length).toBeLessThan(SAMPLE.length);
    });
  }
});
