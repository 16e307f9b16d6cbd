import { describe, expect, it } from '@jest/globals';
import { ServerError, Status } from 'nice-grpc';
import type { ServiceImplementation } from 'nice-grpc';
import { hashBytes } from '../../src/digest/hasher.ts';
import {
  FastBlobBatchServiceDefinition,
  FastBlobServiceDefinition,
} from '../../src/grpc/index.ts';
import { collect, openLoopback, patternBytes } from './loopback.ts';
import type { Loopback } from './loopback.ts';

type BlobServer = ServiceImplementation<typeof FastBlobServiceDefinition>;
type BatchServer = ServiceImplementation<typeof FastBlobBatchServiceDefinition>;

const CONTENTS = patternBytes(600_000);
const DIGEST = hashBytes(CONTENTS);
const OTHER = hashBytes(patternBytes(5));
const NOTHING = { chunks: [], bao: new Uint8Array(0) };

function serveBlobs(methods: Partial<BlobServer>): Promise<Loopback> {
  return openLoopback((server) =>
    server.add(FastBlobServiceDefinition, {
      stat: async () => NOTHING,
      read: async function* () {
        yield { data: CONTENTS };
      },
      put: async () => ({ digest: DIGEST.bytes }),
      ...methods,
    }),
  );
}

function serveBatches(methods: Partial<BatchServer>): Promise<Loopback> {
  return openLoopback((server) =>
    server.add(FastBlobBatchServiceDefinition, {
      findMissing: async () => ({ digests: new Uint8Array(0) }),
      put: async () => ({ digests: new Uint8Array(0) }),
      get: async function* () {
        yield { entries: [] };
      },
      ...methods,
    }),
  );
}

describe('a client of blobs', () => {
  it.each([
    [
      'with a bit flipped',
      [CONTENTS.map((byte, at) => (at === 599_999 ? byte ^ 1 : byte))],
    ],
    ['cut short', [CONTENTS.subarray(0, 599_999)]],
    ['with more behind', [CONTENTS, new Uint8Array(1)]],
    ['empty', []],
    ['of empty messages', [new Uint8Array(0), new Uint8Array(0)]],
  ])('does not end well on contents %s', async (_how, pieces) => {
    await using loopback = await serveBlobs({
      read: async function* () {
        for (const data of pieces) yield { data };
      },
    });
    const reader = await loopback.blobs.openRead(DIGEST);
    await expect(collect(reader!.read())).rejects.toMatchObject({
      code: 'castore/corrupt-blob',
    });
    await expect(loopback.blobs.getMany([DIGEST])).rejects.toMatchObject({
      code: 'castore/corrupt-blob',
    });
  });

  it('hands out nothing of wrong contents that fit into one message', async () => {
    await using loopback = await serveBlobs({});
    const reader = await loopback.blobs.openRead(OTHER);
    const pieces: Uint8Array[] = [];
    const read = async (): Promise<void> => {
      for await (const piece of reader!.read()) pieces.push(piece);
    };
    await expect(read()).rejects.toMatchObject({
      code: 'castore/corrupt-blob',
    });
    expect(pieces).toEqual([]);
  });

  it('takes an empty blob that exists for one, and not for absence', async () => {
    await using loopback = await serveBlobs({ read: async function* () {} });
    const empty = hashBytes(new Uint8Array(0));
    const reader = await loopback.blobs.openRead(empty);
    expect(await collect(reader!.read())).toEqual(new Uint8Array(0));
    expect(await loopback.blobs.getMany([empty])).toEqual([Buffer.alloc(0)]);
  });

  it('says so where a blob disappears between two calls', async () => {
    await using loopback = await serveBlobs({
      // eslint-disable-next-line require-yield
      read: async function* () {
        throw new ServerError(Status.NOT_FOUND, 'gone');
      },
    });
    const reader = await loopback.blobs.openRead(DIGEST);
    await expect(collect(reader!.read())).rejects.toMatchObject({
      code: 'castore/blob-not-found',
    });
  });

  it('does not believe in a chunk with another length or other contents', async () => {
    const half = hashBytes(CONTENTS.subarray(0, 300_000));
    for (const [size, data, code] of [
      [299_999n, CONTENTS.subarray(0, 300_000), 'castore/protocol'],
      [300_001n, CONTENTS.subarray(0, 300_000), 'castore/protocol'],
      [300_000n, CONTENTS.subarray(0, 299_999), 'castore/corrupt-blob'],
    ] as const) {
      const chunk = { digest: half.bytes, size };
      await using loopback = await serveBlobs({
        stat: async () => ({ ...NOTHING, chunks: [chunk, chunk] }),
        read: async function* () {
          yield { data };
        },
      });
      const reader = await loopback.blobs.openRead(DIGEST);
      await expect(
        collect(reader!.read({ offset: 10, length: 10 })),
      ).rejects.toMatchObject({ code });
    }
  });

  it('does not believe in a blob that is longer than a number can say', async () => {
    await using loopback = await serveBlobs({
      stat: async () => ({
        ...NOTHING,
        chunks: [{ digest: DIGEST.bytes, size: 1n << 63n }],
      }),
    });
    await expect(loopback.blobs.openRead(DIGEST)).rejects.toMatchObject({
      code: 'castore/protocol',
    });
  });

  it('does not believe that another blob was stored than it sent', async () => {
    await using loopback = await serveBlobs({
      put: async (request) => {
        for await (const { data } of request) expect(data.length).toBe(5);
        return { digest: DIGEST.bytes };
      },
    });
    const writer = loopback.blobs.openWrite();
    await writer.write(patternBytes(5));
    await expect(writer.close()).rejects.toMatchObject({
      code: 'castore/corrupt-blob',
    });
  });

  it('refuses a digest of another length as an answer', async () => {
    await using loopback = await serveBlobs({
      put: async () => ({ digest: new Uint8Array(31) }),
    });
    await expect(loopback.blobs.openWrite().close()).rejects.toMatchObject({
      code: 'castore/protocol',
    });
  });

  it('fails a writer whose server answers before the end', async () => {
    await using loopback = await serveBlobs({});
    const writer = loopback.blobs.openWrite();
    const write = async (): Promise<void> => {
      for (;;) await writer.write(CONTENTS);
    };
    await expect(write()).rejects.toMatchObject({ code: 'castore/protocol' });
  });

  it('keeps the status of the server for whoever passes it on', async () => {
    await using loopback = await serveBlobs({
      stat: async () => {
        throw new ServerError(Status.PERMISSION_DENIED, 'not for you');
      },
    });
    await expect(loopback.blobs.has(DIGEST)).rejects.toMatchObject({
      code: 'castore/remote-refused',
      details: { grpcStatus: Status.PERMISSION_DENIED },
      message: expect.stringContaining('not for you'),
    });
  });
});

describe('a client of batches', () => {
  const [one, two] = [patternBytes(10), patternBytes(20)];

  it('does not take other contents than it asked for', async () => {
    await using loopback = await serveBatches({
      get: async function* () {
        yield { entries: [{ content: { $case: 'data', value: two } }] };
      },
    });
    await expect(
      loopback.blobs.getMany([hashBytes(one)]),
    ).rejects.toMatchObject({ code: 'castore/corrupt-blob' });
  });

  it.each([0, 1, 3])(
    'does not take %d answers to two questions',
    async (count) => {
      const entry = { content: { $case: 'data', value: one } } as const;
      await using loopback = await serveBatches({
        get: async function* () {
          yield { entries: Array.from({ length: count }, () => entry) };
        },
        put: async () => ({
          digests: Buffer.concat(
            Array.from({ length: count }, () => hashBytes(one).bytes),
          ),
        }),
      });
      const digest = hashBytes(one);
      await expect(
        loopback.blobs.getMany([digest, digest]),
      ).rejects.toMatchObject({ code: 'castore/protocol' });
      await expect(loopback.blobs.putMany([one, one])).rejects.toMatchObject({
        code: 'castore/protocol',
      });
    },
  );

  it('does not listen to answers without end', async () => {
    let answers = 0;
    await using loopback = await serveBatches({
      get: async function* () {
        for (; ; answers++) yield { entries: [{ content: undefined }] };
      },
    });
    await expect(
      loopback.blobs.getMany([hashBytes(one)]),
    ).rejects.toMatchObject({ code: 'castore/protocol' });
    expect(answers).toBeLessThan(100_000);
  });

  it('does not believe that another blob was stored than it sent', async () => {
    await using loopback = await serveBatches({
      put: async () => ({ digests: hashBytes(two).bytes }),
    });
    await expect(loopback.blobs.putMany([one])).rejects.toMatchObject({
      code: 'castore/corrupt-blob',
    });
  });
});
