import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { Compression } from '../../src/compression/compression.ts';
import { repack } from '../../src/compression/repack.ts';
import { messageSize } from '../../src/unpacking/message-size.ts';
import type { UnpackOptions } from '../../src/unpacking/packed-file.ts';
import { unpack } from '../../src/unpacking/unpack.ts';
import type { Unpacked, Unpacking } from '../../src/unpacking/unpack.ts';
import { UnpackingThreads } from '../../src/unpacking/unpacking-threads.ts';
import { BundledProgram } from '../../../castore/test/support/bundled-program.ts';
import { collect } from '../fixtures.ts';

const MIB = 1024 * 1024;
const LIMITS = { maxBytes: Infinity, maxRatio: Infinity };

let program: BundledProgram;
let threads: UnpackingThreads;

beforeAll(() => {
  program = new BundledProgram(
    new URL('../../src/unpacking/worker.ts', import.meta.url),
  );
  threads = new UnpackingThreads({
    threads: 2,
    worker: pathToFileURL(program.file),
  });
});

afterAll(async () => {
  await threads.close();
  program[Symbol.dispose]();
});

/** Bytes of which the second half doesn't compress. */
function content(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length, 'the same text again, ');
  for (let at = length >> 1, i = 0; at < length; at += 32, i += 1) {
    const noise = createHash('sha256').update(`${seed} ${i}`).digest();
    noise.copy(bytes, at);
  }
  return bytes;
}

async function* inPieces(
  bytes: Uint8Array,
  length: number,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length)
    yield new Uint8Array(bytes.subarray(at, at + length));
}

async function packed(
  compression: Compression,
  bytes: Uint8Array,
): Promise<Buffer> {
  return Buffer.from(
    await collect(repack(compression, inPieces(bytes, 64 * 1024))),
  );
}

async function all(
  unpacking: Unpacking,
): Promise<{ nar: Buffer; unpacked: Unpacked }> {
  const pieces: Buffer[] = [];
  for await (const piece of unpacking.nar) pieces.push(Buffer.from(piece));
  return { nar: Buffer.concat(pieces), unpacked: unpacking.outcome() };
}

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest());
}

describe('files that are unpacked in threads', () => {
  it.each<[Compression, UnpackOptions['compression']]>([
    ['none', 'none'],
    ['none', undefined],
    ['gzip', undefined],
    ['gzip', 'gzip'],
    ['zstd', 'zstd'],
    ['br', 'br'],
    ['xz', 'xz'],
    ['lz4', 'lz4'],
  ])('come out whole, with both hashes: %s, named %s', async (is, named) => {
    const bytes = content(3 * MIB + 17);
    const file = await packed(is, bytes);
    const options = { compression: named, limits: LIMITS };
    const { nar, unpacked } = await all(
      threads.unpack(inPieces(file, 65_536), options),
    );
    expect(nar.equals(bytes)).toBe(true);
    expect(unpacked).toEqual({
      compression: is,
      fileSha256: sha256(file),
      fileSize: file.length,
      narSha256: sha256(bytes),
      narSize: BigInt(bytes.length),
    });
  });

  it('come out as without threads, however long they are and wherever they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 2 * MIB }),
        fc.integer({ min: 1000, max: 300_000 }),
        fc.constantFrom<Compression>('none', 'zstd', 'gzip'),
        async (length, cut, compression) => {
          const file = await packed(compression, content(length, length));
          const options = { compression, limits: LIMITS };
          const here = await all(unpack(inPieces(file, cut), options));
          const there = await all(threads.unpack(inPieces(file, cut), options));
          expect(there.unpacked).toEqual(here.unpacked);
          expect(there.nar.equals(here.nar)).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('do not mix, though many come in at once', async () => {
    const done = Array.from({ length: 40 }, async (_, i) => {
      const bytes = content(MIB + 1000 * i, i);
      const compression = i % 2 === 0 ? 'zstd' : 'none';
      const file = await packed(compression, bytes);
      const { nar } = await all(
        threads.unpack(inPieces(file, 70_000), { compression, limits: LIMITS }),
      );
      return nar.equals(bytes);
    });
    expect(await Promise.all(done)).not.toContain(false);
  });

  it.each<[string, Partial<UnpackOptions>, string]>([
    ['is damaged', { compression: 'xz' }, 'store/corrupt-compression'],
    [
      'becomes longer than it may',
      { compression: 'none', limits: { maxBytes: MIB, maxRatio: Infinity } },
      'store/limit-exceeded',
    ],
  ])('one that %s fails with its code', async (_, options, code) => {
    const unpacking = threads.unpack(inPieces(content(2 * MIB), 65_536), {
      compression: undefined,
      limits: LIMITS,
      ...options,
    });
    await expect(all(unpacking)).rejects.toMatchObject({
      name: 'StoreError',
      code,
    });
  });

  it('the error of a source comes through as it is', async () => {
    const error = new Error('the client went away');
    async function* source(): AsyncGenerator<Uint8Array> {
      yield* inPieces(content(MIB), 65_536);
      throw error;
    }
    const options = { compression: 'none', limits: LIMITS } as const;
    await expect(all(threads.unpack(source(), options))).rejects.toBe(error);
  });

  it('a reader that stops ends the source, and the thread goes on with others', async () => {
    let isEnded = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield new Uint8Array(65_536);
      } finally {
        isEnded = true;
      }
    }
    const options = { compression: 'none', limits: LIMITS } as const;
    for await (const _ of threads.unpack(source(), options).nar) break;
    const bytes = content(MIB);
    const { nar } = await all(threads.unpack(inPieces(bytes, 65_536), options));
    expect(nar.equals(bytes)).toBe(true);
    expect(isEnded).toBe(true);
  });

  it('a file that goes on behind its end is left there', async () => {
    const bytes = content(MIB);
    const file = Buffer.concat([
      await packed('gzip', bytes),
      // What Node's decoder takes for padding.
      Buffer.alloc(8 * MIB),
    ]);
    const options = { compression: 'gzip', limits: LIMITS } as const;
    const { nar } = await all(threads.unpack(inPieces(file, 65_536), options));
    expect(nar.equals(bytes)).toBe(true);
  });

  it('a source is read no further than a few messages ahead of the reader', async () => {
    let taken = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      for (; taken < 64 * MIB; taken += 65_536) yield new Uint8Array(65_536);
    }
    const options = { compression: 'none', limits: LIMITS } as const;
    let given = 0;
    let most = 0;
    for await (const piece of threads.unpack(source(), options).nar) {
      given += piece.length;
      // Whatever runs in other turns has its chance.
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, taken - given);
    }
    expect(given).toBe(64 * MIB);
    expect(most).toBeLessThanOrEqual(6 * messageSize(1));
  });

  it('a thread that dies fails its files, and the next file gets another', async () => {
    const code = `${program.file}.dying.mjs`;
    writeFileSync(
      code,
      `import { parentPort } from 'node:worker_threads';
      parentPort.on('message', ({ type }) => {
        if (type === 'input') throw new Error('out of luck');
      });`,
    );
    const dying = new UnpackingThreads({
      threads: 1,
      worker: pathToFileURL(code),
    });
    const options = { compression: 'none', limits: LIMITS } as const;
    for (let i = 0; i < 2; i += 1) {
      const file = inPieces(content(2 * MIB), 65_536);
      await expect(all(dying.unpack(file, options))).rejects.toThrow(
        'out of luck',
      );
    }
  });

  it('the outcome of what was not read to its end is refused', async () => {
    const file = inPieces(content(MIB), 65_536);
    const options = { compression: 'none', limits: LIMITS } as const;
    const unpacking = threads.unpack(file, options);
    expect(() => unpacking.outcome()).toThrow('the NAR was not read');
    for await (const _ of unpacking.nar) break;
    expect(() => unpacking.outcome()).toThrow('the NAR was not read');
  });
});

describe('the size of messages', () => {
  it('shrinks with the number of files, so that all of them keep to about 16 MiB', () => {
    expect(messageSize(0)).toBe(512 * 1024);
    for (const files of [1, 2, 8, 9, 31, 64]) {
      const size = messageSize(files);
      expect(Number.isInteger(Math.log2(size))).toBe(true);
      expect(4 * size * files).toBeLessThanOrEqual(16 * MIB);
    }
    expect(messageSize(1000)).toBe(64 * 1024);
  });
});
