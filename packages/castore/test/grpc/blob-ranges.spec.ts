import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ForwardCursor } from '../../src/blob-service/forward-cursor.ts';
import { hashBytes } from '../../src/digest/hasher.ts';
import { FastBlobServiceDefinition } from '../../src/grpc/index.ts';
import { ChunkedBlobService } from './chunked-blobs.ts';
import {
  collect,
  openCastoreLoopback,
  openLoopback,
  patternBytes,
} from './loopback.ts';
import type { Loopback } from './loopback.ts';

const CONTENTS = patternBytes(700_000);
const DIGEST = hashBytes(CONTENTS);

/** Counts the streams that are opened, and tells nothing of the blob but that it is there. */
async function openReferenceLike(): Promise<
  Loopback & { readonly reads: () => number }
> {
  let reads = 0;
  const loopback = await openLoopback((server) =>
    server.add(FastBlobServiceDefinition, {
      stat: async () => ({ chunks: [], bao: new Uint8Array(0) }),
      read: async function* () {
        reads++;
        for (let at = 0; at < CONTENTS.length; at += 4096)
          yield { data: CONTENTS.subarray(at, at + 4096) };
      },
      put: async () => ({ digest: DIGEST.bytes }),
    }),
  );
  return { ...loopback, reads: () => reads };
}

const RANGES = [
  { offset: 0, length: 10 },
  { offset: 10, length: 10 },
  { offset: 4090, length: 20 },
  { offset: 299_990, length: 300_020 },
  { offset: 699_999 },
  { offset: 699_999, length: 10 },
  { offset: 0, length: 700_000 },
  { offset: 0, length: 0 },
  { offset: 700_000 },
  { offset: 1_000_000, length: 5 },
  { offset: 5 },
];

describe('a range of a blob', () => {
  it('is cut out of the chunks that the server names, of which no others are read', async () => {
    const blobs = new ChunkedBlobService();
    blobs.addChunked(CONTENTS, 100_000);
    await using loopback = await openCastoreLoopback({ blobs });
    const reader = await loopback.blobs.openRead(DIGEST);
    expect(reader!.size).toBe(700_000);
    for (const range of RANGES)
      expect(
        Buffer.compare(
          await collect(reader!.read(range)),
          CONTENTS.slice(
            range.offset,
            range.offset + (range.length ?? Infinity),
          ),
        ),
      ).toBe(0);
    expect(
      (await loopback.blobs.stat(DIGEST, { sendChunks: true }))!.chunks.length,
    ).toBe(7);
    expect((await loopback.blobs.stat(DIGEST))!.chunks.length).toBe(0);
  });

  it('is cut out of the whole where the server tells its length only', async () => {
    await using loopback = await openCastoreLoopback();
    await loopback.blobs.putMany([CONTENTS]);
    const reader = await loopback.blobs.openRead(DIGEST);
    for (const range of RANGES)
      expect(
        Buffer.compare(
          await collect(reader!.read(range)),
          CONTENTS.slice(
            range.offset,
            range.offset + (range.length ?? Infinity),
          ),
        ),
      ).toBe(0);
  });

  it('is skipped to where the server tells nothing', async () => {
    await using loopback = await openReferenceLike();
    const reader = await loopback.blobs.openRead(DIGEST);
    expect(reader!.size).toBeUndefined();
    for (const range of RANGES)
      expect(
        Buffer.compare(
          await collect(reader!.read(range)),
          CONTENTS.slice(
            range.offset,
            range.offset + (range.length ?? Infinity),
          ),
        ),
      ).toBe(0);
    await reader!.close();
  });

  it('goes on in the stream of the one before it, and backwards in a new one', async () => {
    await using loopback = await openReferenceLike();
    const reader = await loopback.blobs.openRead(DIGEST);
    const read = async (offset: number): Promise<void> => {
      const piece = await collect(reader!.read({ offset, length: 1000 }));
      expect(Buffer.compare(piece, CONTENTS.slice(offset, offset + 1000))).toBe(
        0,
      );
    };
    for (const offset of [0, 1000, 2000, 300_000]) await read(offset);
    expect(loopback.reads()).toBe(1);
    await read(299_999);
    expect(loopback.reads()).toBe(2);
    await reader!.close();
  });

  it('is read beside others, each from where it stands', async () => {
    await using loopback = await openReferenceLike();
    const reader = await loopback.blobs.openRead(DIGEST);
    const offsets = [0, 1000, 500, 650_000, 0];
    const pieces = await Promise.all(
      offsets.map((offset) => collect(reader!.read({ offset, length: 5000 }))),
    );
    for (const [index, offset] of offsets.entries())
      expect(
        Buffer.compare(pieces[index]!, CONTENTS.slice(offset, offset + 5000)),
      ).toBe(0);
    await reader!.close();
  });

  it('belongs to whoever asked for it', async () => {
    const blobs = new ChunkedBlobService();
    blobs.addChunked(CONTENTS, 100_000);
    await using loopback = await openCastoreLoopback({ blobs });
    const reader = await loopback.blobs.openRead(DIGEST);
    const range = { offset: 50, length: 50 };
    for await (const piece of reader!.read(range)) piece.fill(0);
    expect(
      Buffer.compare(
        await collect(reader!.read(range)),
        CONTENTS.slice(50, 100),
      ),
    ).toBe(0);
  });

  it('ends with the reason of its signal, which leaves the reader usable', async () => {
    await using loopback = await openReferenceLike();
    const reader = await loopback.blobs.openRead(DIGEST);
    const reason = new RangeError('enough');
    const controller = new AbortController();
    const read = async (): Promise<void> => {
      for await (const piece of reader!.read(
        { offset: 1 },
        { signal: controller.signal },
      )) {
        expect(piece.length).toBeGreaterThan(0);
        controller.abort(reason);
      }
    };
    await expect(read()).rejects.toBe(reason);
    expect(await collect(reader!.read({ offset: 1, length: 2 }))).toEqual(
      CONTENTS.slice(1, 3),
    );
    await reader!.close();
    await expect(collect(reader!.read())).rejects.toMatchObject({
      code: 'castore/closed',
    });
    await reader!.close();
  });
});

describe('ForwardCursor', () => {
  it('gives what a slice gives, however the stream and the ranges are cut', async () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(
        cuts,
        cuts,
        fc.integer({ min: 0, max: 60 }),
        async (pieces, steps, length) => {
          const contents = patternBytes(length);
          const cursor = new ForwardCursor(async function* () {
            let at = 0;
            for (const piece of [...pieces, length]) {
              yield contents.slice(at, at + piece);
              at += piece;
            }
          });
          let at = 0;
          for (const [index, step] of steps.entries()) {
            const start = at + (index % 3);
            const taken = await collect(
              cursor.read(start, start + step, new AbortController().signal),
            );
            expect([...taken]).toEqual([
              ...contents.slice(start, start + step),
            ]);
            at = start + step;
          }
        },
      ),
      { verbose: true },
    );
  });
});
