import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  BATCH_BLOBS,
  FastBlobBatchServiceDefinition,
} from '../../src/grpc/batch-codecs.ts';
import { CHUNK_BYTES, ChunkPacker } from '../../src/grpc/chunk-packer.ts';
import { BlobChunk } from '../../src/grpc/blob-chunk.ts';
import { ReadChunk, ReadPacker } from '../../src/grpc/read-chunk.ts';
import { EncodedDirectory } from '../../src/grpc/service-definitions.ts';
import {
  GetBlobsResponse,
  PutBlobsRequest,
} from '../../src/proto/gen/tvix/castore/batch/v1/rpc_blob_batch.ts';
import { BlobChunk as GeneratedBlobChunk } from '../../src/proto/index.ts';
import { patternBytes } from './loopback.ts';

/** Lengths around every place where a varint grows. */
const LENGTHS = [0, 1, 127, 128, 129, 16_383, 16_384, 2_097_151, 2_097_152];

/** What nice-grpc makes of what an encoder returns. */
const onTheWire = (message: { finish(): Uint8Array }): Buffer =>
  Buffer.from(message.finish());

describe('the codec of BlobChunk', () => {
  it.each(LENGTHS)(
    'encodes %d bytes as the generated one does, and reads them back as a view',
    (length) => {
      const data = patternBytes(length);
      const wire = onTheWire(BlobChunk.encode({ data }));
      expect(wire.equals(GeneratedBlobChunk.encode({ data }).finish())).toBe(
        true,
      );
      const decoded = BlobChunk.decode(wire);
      expect(Buffer.compare(decoded.data, data)).toBe(0);
      if (length > 0) expect(decoded.data.buffer).toBe(wire.buffer);
    },
  );

  it('hands over its memory instead of copying it', () => {
    const encoded = BlobChunk.encode({ data: patternBytes(5000) }).finish();
    expect(Buffer.from(encoded).buffer).toBe(encoded);
  });

  it.each([
    [
      'a field twice, of which the last counts',
      [0x0a, 1, 7, 0x0a, 2, 8, 9],
      [8, 9],
    ],
    ['an unknown field in front', [0x10, 1, 0x0a, 1, 7], [7]],
    ['an unknown field behind', [0x0a, 1, 7, 0x10, 1], [7]],
    ['a length in more bytes than it needs', [0x0a, 0x81, 0x00, 7], [7]],
    ['an empty field', [0x0a, 0], []],
    ['nothing', [], []],
  ])('reads %s as the generated one does', (_what, bytes, data) => {
    expect([...BlobChunk.decode(Uint8Array.from(bytes)).data]).toEqual(data);
    expect([...GeneratedBlobChunk.decode(Uint8Array.from(bytes)).data]).toEqual(
      data,
    );
  });

  it.each([
    [[0x0a]],
    [[0x0a, 0xff]],
    [[0x0a, 2, 1]],
    [[0x0a, 0x80, 0x80, 0x80, 0x80, 0x80]],
  ])('refuses the malformed bytes %j', (bytes) => {
    expect(() => BlobChunk.decode(Uint8Array.from(bytes))).toThrow();
  });

  it('reads any bytes as the generated one does', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const outcome = (
          decode: (bytes: Uint8Array) => { data: Uint8Array },
        ): unknown => {
          try {
            return [...decode(bytes).data];
          } catch {
            return 'refused';
          }
        };
        expect(outcome((input) => BlobChunk.decode(input))).toEqual(
          outcome((input) => GeneratedBlobChunk.decode(input)),
        );
      }),
      { verbose: true },
    );
  });
});

describe('the codec of Directory', () => {
  it('leaves the bytes as they are', () => {
    const encoded = patternBytes(100);
    expect(
      onTheWire(EncodedDirectory.encode({ encoded })).equals(encoded),
    ).toBe(true);
    expect(EncodedDirectory.decode(encoded).encoded).toBe(encoded);
    // A view into something larger too.
    const part = encoded.subarray(10, 20);
    expect(
      onTheWire(EncodedDirectory.encode({ encoded: part })).equals(part),
    ).toBe(true);
  });
});

describe('the codecs of batches', () => {
  const { put, get } = FastBlobBatchServiceDefinition.methods;
  const blob = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .constantFrom(...LENGTHS.slice(0, 7))
      .map((length) => patternBytes(length)),
  );

  it('encode blobs as the generated one does', () => {
    fc.assert(
      fc.property(fc.array(blob), (blobs) => {
        const wire = onTheWire(put.requestType.encode({ blobs }));
        expect(wire.equals(PutBlobsRequest.encode({ blobs }).finish())).toBe(
          true,
        );
        expect(
          put.requestType.decode(wire).blobs.map((view) => [...view]),
        ).toEqual(blobs.map((bytes) => [...bytes]));
      }),
      { verbose: true, numRuns: 50 },
    );
  });

  it('read no more blobs of a message than it takes to see that there are too many', () => {
    const wire = Buffer.alloc(4 * 1024 * 1024);
    for (let at = 0; at < wire.length; at += 2) wire[at] = 0x0a;
    const { blobs } = put.requestType.decode(wire);
    expect(blobs).toHaveLength(BATCH_BLOBS + 1);
  });

  it('encode entries as the generated one does', () => {
    const entry = fc.oneof(
      blob.map((value) => ({ content: { $case: 'data' as const, value } })),
      fc
        .boolean()
        .map((value) => ({ content: { $case: 'tooLarge' as const, value } })),
      fc.constant({ content: undefined }),
    );
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        const wire = onTheWire(get.responseType.encode({ entries }));
        expect(wire.equals(GetBlobsResponse.encode({ entries }).finish())).toBe(
          true,
        );
        expect(get.responseType.decode(wire).entries.length).toBe(
          entries.length,
        );
      }),
      { verbose: true, numRuns: 50 },
    );
  });
});

describe('ReadPacker', () => {
  it.each([
    ['one by one', 1, 1000],
    ['in odd pieces', 65_537, 700_001],
    ['in whole messages', CHUNK_BYTES, 3 * CHUNK_BYTES],
    ['all at once', 700_001, 700_001],
  ])(
    'makes messages of one length, as the generated codec does, of bytes that come %s',
    (_how, step, length) => {
      const contents = patternBytes(length);
      const packer = new ReadPacker();
      const messages: ReadChunk[] = [];
      for (let at = 0; at < length; at += step)
        messages.push(...packer.add(contents.subarray(at, at + step)));
      const last = packer.finish();
      if (last !== undefined) messages.push(last);
      expect(packer.finish()).toBeUndefined();
      // Copied at once, as a server does: the next message is written over it.
      const pieces = messages.map((message) =>
        Buffer.from(
          GeneratedBlobChunk.decode(
            Buffer.from(onTheWire(ReadChunk.encode(message))),
          ).data,
        ),
      );
      expect(
        pieces.slice(0, -1).every((piece) => piece.length === CHUNK_BYTES),
      ).toBe(true);
      expect(Buffer.compare(Buffer.concat(pieces), contents)).toBe(0);
    },
  );

  it('makes no message of nothing', () => {
    const packer = new ReadPacker();
    expect([...packer.add(new Uint8Array(0))]).toEqual([]);
    expect(packer.finish()).toBeUndefined();
  });
});

describe('ChunkPacker', () => {
  it.each([
    ['one by one', 1, 1000],
    ['in odd pieces', 65_537, 700_001],
    ['in whole messages', CHUNK_BYTES, 3 * CHUNK_BYTES],
    ['all at once', 700_001, 700_001],
  ])(
    'packs bytes that come %s into messages of one length',
    (_how, step, length) => {
      const contents = patternBytes(length);
      const packer = new ChunkPacker();
      const messages: Buffer[] = [];
      for (let at = 0; at < length; at += step)
        for (const message of packer.add(contents.subarray(at, at + step)))
          messages.push(onTheWire(BlobChunk.encode(message)));
      const last = packer.finish();
      if (last !== undefined) messages.push(onTheWire(BlobChunk.encode(last)));
      expect(packer.finish()).toBeUndefined();
      const pieces = messages.map(
        (message) => GeneratedBlobChunk.decode(message).data,
      );
      expect(
        pieces.slice(0, -1).every((piece) => piece.length === CHUNK_BYTES),
      ).toBe(true);
      expect(Buffer.compare(Buffer.concat(pieces), contents)).toBe(0);
    },
  );

  it('does not keep the bytes that it is given', () => {
    const packer = new ChunkPacker();
    const bytes = Uint8Array.of(1, 2, 3);
    for (const message of packer.add(bytes)) expect(message).toBeUndefined();
    bytes.fill(0);
    expect([...packer.finish()!.data]).toEqual([1, 2, 3]);
  });

  it('makes no message of nothing', () => {
    const packer = new ChunkPacker();
    expect([...packer.add(new Uint8Array(0))]).toEqual([]);
    expect(packer.finish()).toBeUndefined();
  });
});
