import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Status, createClient } from 'nice-grpc';
import { MemoryBlobService } from '../../src/blob-service/memory.ts';
import { hashBytes } from '../../src/digest/hasher.ts';
import { CastoreError } from '../../src/errors.ts';
import type { CastoreErrorCode } from '../../src/errors.ts';
import { addCastoreServices, createGrpcServer } from '../../src/grpc/index.ts';
import { MemoryDirectoryService } from '../../src/index.ts';
import { BlobServiceDefinition } from '../../src/proto/index.ts';
import { ChunkedBlobService } from './chunked-blobs.ts';
import {
  collect,
  openCastoreLoopback,
  openLoopback,
  patternBytes,
} from './loopback.ts';

const BLOB_A = new Uint8Array([0, 1]);
const DIGEST_A =
  '7b7015bb92cf0b318037702a6cdd81dee41224f734684c2c122cd6359cb1ee63';

/** Calls with the generated codecs, as a client that isn't ours does. */
type RawClient = ReturnType<typeof rawClient>;
function rawClient({
  channel,
}: Pick<Awaited<ReturnType<typeof openLoopback>>, 'channel'>) {
  return createClient(BlobServiceDefinition, channel);
}

async function* chunks(
  ...pieces: readonly Uint8Array[]
): AsyncGenerator<{ data: Uint8Array }> {
  for (const data of pieces) yield { data };
}

async function readAll(
  client: RawClient,
  digest: Uint8Array,
): Promise<Uint8Array[]> {
  const messages: Uint8Array[] = [];
  for await (const { data } of client.read({ digest })) messages.push(data);
  return messages;
}

describe('BlobServiceServer', () => {
  let loopback: Awaited<ReturnType<typeof openCastoreLoopback>>;
  let client: RawClient;
  beforeEach(async () => {
    loopback = await openCastoreLoopback();
    client = rawClient(loopback);
  });
  afterEach(async () => {
    await loopback[Symbol.asyncDispose]();
  });

  describe('Stat', () => {
    it.each([0, 31, 33])('refuses a digest of %d bytes', async (length) => {
      await expect(
        client.stat({ digest: new Uint8Array(length) }),
      ).rejects.toMatchObject({
        code: Status.INVALID_ARGUMENT,
      });
    });

    it('answers NOT_FOUND for what is absent, the empty blob included', async () => {
      for (const contents of [BLOB_A, new Uint8Array(0)])
        await expect(
          client.stat({ digest: hashBytes(contents).bytes }),
        ).rejects.toMatchObject({
          code: Status.NOT_FOUND,
        });
    });

    it('answers nothing more than OK unless chunks are asked for', async () => {
      const { digest } = await client.put(chunks(BLOB_A));
      expect(await client.stat({ digest, sendBao: true })).toEqual({
        chunks: [],
        bao: new Uint8Array(0),
      });
    });

    it('names a blob that is stored whole as its only chunk', async () => {
      const { digest } = await client.put(chunks(BLOB_A));
      const { chunks: listed } = await client.stat({
        digest,
        sendChunks: true,
      });
      expect(listed.map(({ size }) => size)).toEqual([2n]);
      expect(Buffer.from(listed[0]!.digest).toString('hex')).toBe(DIGEST_A);
    });

    it('names no chunk of the empty blob', async () => {
      const { digest } = await client.put(chunks());
      expect((await client.stat({ digest, sendChunks: true })).chunks).toEqual(
        [],
      );
    });
  });

  describe('Read', () => {
    it('refuses a digest of another length', async () => {
      await expect(readAll(client, new Uint8Array(5))).rejects.toMatchObject({
        code: Status.INVALID_ARGUMENT,
      });
    });

    it('answers NOT_FOUND without a message for what is absent', async () => {
      await expect(
        readAll(client, hashBytes(BLOB_A).bytes),
      ).rejects.toMatchObject({ code: Status.NOT_FOUND });
    });

    it('sends a small blob in exactly one message', async () => {
      const { digest } = await client.put(chunks(BLOB_A));
      const messages = await readAll(client, digest);
      expect(messages.map((data) => [...data])).toEqual([[0, 1]]);
    });

    it('sends no message for the empty blob', async () => {
      const { digest } = await client.put(chunks());
      expect(await readAll(client, digest)).toEqual([]);
    });

    it('serves a chunk by its own digest', async () => {
      const blobs = new ChunkedBlobService();
      const { digest, parts } = blobs.addChunked(patternBytes(1000), 300);
      await using chunked = await openCastoreLoopback({ blobs });
      const raw = rawClient(chunked);
      const { chunks: listed } = await raw.stat({
        digest: digest.bytes,
        sendChunks: true,
      });
      expect(listed.map(({ size }) => Number(size))).toEqual([
        300, 300, 300, 100,
      ]);
      for (const [index, { digest: part }] of listed.entries())
        expect(Buffer.concat(await readAll(raw, part))).toEqual(
          Buffer.from(parts[index]!),
        );
    });
  });

  describe('Put', () => {
    it('stores nothing but empty messages as the empty blob', async () => {
      const empty = hashBytes(new Uint8Array(0));
      for (const request of [
        chunks(),
        chunks(new Uint8Array(0), new Uint8Array(0)),
      ])
        expect(
          Buffer.from((await client.put(request)).digest).toString('hex'),
        ).toBe(empty.toHex());
    });

    it('gives the same digest whatever the borders, and passes over empty messages', async () => {
      const contents = patternBytes(70_000);
      const none = new Uint8Array(0);
      for (const cut of [1, 4096, 69_999]) {
        const { digest } = await client.put(
          chunks(none, contents.subarray(0, cut), none, contents.subarray(cut)),
        );
        expect(Buffer.from(digest).toString('hex')).toBe(
          hashBytes(contents).toHex(),
        );
      }
      expect(
        await collect(
          (await loopback.backend.blobs.openRead(hashBytes(contents)))!.read(),
        ),
      ).toEqual(contents);
    });

    it('stores BLOB_B under its digest', async () => {
      const cycle = Uint8Array.from({ length: 255 }, (_, index) => index);
      const contents = new Uint8Array(
        Buffer.concat(Array.from({ length: 4096 }, () => cycle)),
      );
      const { digest } = await client.put(chunks(contents));
      expect(Buffer.from(digest).toString('hex')).toBe(
        'a82c5154a7a0c262c6fdb929a317585646f8fbcf80326d0a7b8747edaf2d99d2',
      );
    });
  });

  describe('failures of the store', () => {
    const cases: readonly [CastoreErrorCode, Status, Status, Status][] = [
      // code, of Stat, of Read, of Put
      ['castore/io', Status.DATA_LOSS, Status.DATA_LOSS, Status.INTERNAL],
      [
        'castore/corrupt-blob',
        Status.DATA_LOSS,
        Status.DATA_LOSS,
        Status.INTERNAL,
      ],
      // A missing part of a blob must not look like a blob that was never put.
      [
        'castore/blob-not-found',
        Status.DATA_LOSS,
        Status.DATA_LOSS,
        Status.INTERNAL,
      ],
      [
        'castore/no-space',
        Status.RESOURCE_EXHAUSTED,
        Status.RESOURCE_EXHAUSTED,
        Status.RESOURCE_EXHAUSTED,
      ],
      [
        'castore/unavailable',
        Status.UNAVAILABLE,
        Status.UNAVAILABLE,
        Status.UNAVAILABLE,
      ],
      [
        'castore/store-read-only',
        Status.FAILED_PRECONDITION,
        Status.FAILED_PRECONDITION,
        Status.FAILED_PRECONDITION,
      ],
    ];
    it.each(cases)(
      'answers %s by its kind',
      async (code, ofStat, ofRead, ofPut) => {
        await using failing = await openCastoreLoopback({
          blobs: new FailingBlobService(new CastoreError(code, 'it broke')),
        });
        const raw = rawClient(failing);
        const digest = hashBytes(BLOB_A).bytes;
        await expect(raw.stat({ digest })).rejects.toMatchObject({
          code: ofStat,
          details: expect.stringContaining('it broke'),
        });
        await expect(readAll(raw, digest)).rejects.toMatchObject({
          code: ofRead,
        });
        await expect(raw.put(chunks(BLOB_A))).rejects.toMatchObject({
          code: ofPut,
        });
      },
    );

    it('tells the peer nothing of an error that it does not know, and the hook everything', async () => {
      const secret = new Error('password is swordfish');
      const seen: [unknown, string][] = [];
      await using failing = await openLoopback(
        (server: ReturnType<typeof createGrpcServer>) =>
          addCastoreServices(
            server,
            {
              blobs: new FailingBlobService(secret),
              directories: new MemoryDirectoryService(),
            },
            {
              onUnexpectedError: (error, method) => seen.push([error, method]),
            },
          ),
      );
      const raw = rawClient(failing);
      await expect(
        raw.stat({ digest: hashBytes(BLOB_A).bytes }),
      ).rejects.toMatchObject({
        code: Status.UNKNOWN,
        details: 'unexpected error',
      });
      expect(seen).toEqual([[secret, 'tvix.castore.v1.BlobService/Stat']]);
    });
  });
});

class FailingBlobService extends MemoryBlobService {
  readonly #error: unknown;

  constructor(error: unknown) {
    super();
    this.#error = error;
  }

  override stat = async (): Promise<never> => {
    throw this.#error;
  };

  override openRead = async (): Promise<never> => {
    throw this.#error;
  };

  override openWrite = (): ReturnType<MemoryBlobService['openWrite']> => ({
    write: async () => {
      throw this.#error;
    },
    close: async () => {
      throw this.#error;
    },
    abort: async () => undefined,
  });
}
