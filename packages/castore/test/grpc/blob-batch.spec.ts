import { describe, expect, it } from '@jest/globals';
import { ServerError, Status, createClient } from 'nice-grpc';
import type { BlobStat } from '../../src/blob-service/blob-service.ts';
import { MemoryBlobService } from '../../src/blob-service/memory.ts';
import { hashBytes } from '../../src/digest/hasher.ts';
import {
  BlobServiceServer,
  FastBlobBatchServiceDefinition,
  FastBlobServiceDefinition,
} from '../../src/grpc/index.ts';
import { BATCH_BLOBS, BATCH_BYTES } from '../../src/grpc/batch-codecs.ts';
import { openCastoreLoopback, openLoopback, patternBytes } from './loopback.ts';

/** Counts the calls that a server gets for one blob each, and for many. */
class CountingBlobService extends MemoryBlobService {
  opened = 0;
  batches = 0;

  override openWrite(
    ...args: Parameters<MemoryBlobService['openWrite']>
  ): ReturnType<MemoryBlobService['openWrite']> {
    this.opened++;
    return super.openWrite(...args);
  }

  override openRead(
    ...args: Parameters<MemoryBlobService['openRead']>
  ): ReturnType<MemoryBlobService['openRead']> {
    this.opened++;
    return super.openRead(...args);
  }

  override putMany(
    ...args: Parameters<MemoryBlobService['putMany']>
  ): ReturnType<MemoryBlobService['putMany']> {
    this.batches++;
    return super.putMany(...args);
  }
}

const hexes = (digests: readonly { toHex(): string }[]): string[] =>
  digests.map((digest) => digest.toHex());

/** Sizes around every border of a batch, equal blobs among them. */
const MIXED = [
  0,
  1,
  4096,
  1,
  BATCH_BYTES - 1,
  BATCH_BYTES,
  BATCH_BYTES + 1,
  5_000_000,
  0,
].map((length) => patternBytes(length, length));

describe.each(['ours', 'one of the reference only'])(
  'many blobs and a server that is %s',
  (kind) => {
    const open = async (blobs: MemoryBlobService) =>
      kind === 'ours'
        ? await openCastoreLoopback({ blobs })
        : await openLoopback((server) =>
            server.add(FastBlobServiceDefinition, new BlobServiceServer(blobs)),
          );

    it('come back in order, whatever their sizes', async () => {
      await using loopback = await open(new MemoryBlobService());
      const digests = await loopback.blobs.putMany(MIXED);
      expect(hexes(digests)).toEqual(
        MIXED.map((blob) => hashBytes(blob).toHex()),
      );
      const absent = hashBytes(patternBytes(7));
      const back = await loopback.blobs.getMany([absent, ...digests, absent]);
      expect(back.length).toBe(MIXED.length + 2);
      expect([back[0], back.at(-1)]).toEqual([undefined, undefined]);
      for (const [index, blob] of MIXED.entries())
        expect(Buffer.compare(back[index + 1]!, blob)).toBe(0);
    });

    it('are missing each once and in order', async () => {
      await using loopback = await open(new MemoryBlobService());
      const [stored] = await loopback.blobs.putMany([patternBytes(3)]);
      const [a, b] = [hashBytes(patternBytes(4)), hashBytes(patternBytes(5))];
      expect(
        hexes(await loopback.blobs.findMissing([b, stored!, a, b])),
      ).toEqual(hexes([b, a]));
      expect(await loopback.blobs.findMissing([])).toEqual([]);
    });

    it('may be none', async () => {
      await using loopback = await open(new MemoryBlobService());
      expect(await loopback.blobs.putMany([])).toEqual([]);
      expect(await loopback.blobs.getMany([])).toEqual([]);
    });
  },
);

describe('GrpcBlobService', () => {
  it('puts many small blobs in few calls where the server offers it', async () => {
    const blobs = new CountingBlobService();
    await using loopback = await openCastoreLoopback({ blobs });
    const small = Array.from({ length: 1000 }, (_, index) =>
      patternBytes(4096, index),
    );
    await loopback.blobs.putMany(small);
    expect(blobs.opened).toBe(0);
    expect(blobs.batches).toBe(4);
  });

  it('asks for batches once only where the server does not know them', async () => {
    const blobs = new CountingBlobService();
    let asked = 0;
    const unimplemented = (): never => {
      asked++;
      throw new ServerError(Status.UNIMPLEMENTED, 'no batches here');
    };
    await using loopback = await openLoopback((server) => {
      server.add(FastBlobServiceDefinition, new BlobServiceServer(blobs));
      server.add(FastBlobBatchServiceDefinition, {
        findMissing: async () => unimplemented(),
        put: async () => unimplemented(),
        // eslint-disable-next-line require-yield
        get: async function* () {
          unimplemented();
        },
      });
    });
    const digests = await loopback.blobs.putMany([
      patternBytes(1),
      patternBytes(2),
    ]);
    await loopback.blobs.getMany(digests);
    expect(blobs.opened).toBe(4);
    expect(asked).toBe(1);
  });
});

describe('BlobBatchServer', () => {
  it('says of a blob beyond the limit only that it is there', async () => {
    await using loopback = await openCastoreLoopback();
    const [digest] = await loopback.blobs.putMany([
      patternBytes(BATCH_BYTES + 1),
    ]);
    const client = createClient(
      FastBlobBatchServiceDefinition,
      loopback.channel,
    );
    const entries: unknown[] = [];
    for await (const message of client.get({ digests: digest!.bytes }))
      entries.push(...message.entries);
    expect(entries).toEqual([{ content: { $case: 'tooLarge', value: true } }]);
  });

  it('never sends more than a batch at once, however much is asked for', async () => {
    await using loopback = await openCastoreLoopback();
    const blob = patternBytes(BATCH_BYTES - 10);
    const [digest] = await loopback.blobs.putMany([blob]);
    const client = createClient(
      FastBlobBatchServiceDefinition,
      loopback.channel,
    );
    const request = {
      digests: Buffer.concat([digest!.bytes, digest!.bytes, digest!.bytes]),
    };
    const lengths: number[] = [];
    for await (const { entries } of client.get(request))
      lengths.push(entries.length);
    expect(lengths).toEqual([1, 1, 1]);
  });

  it('looks a blob up once, however often one message asks for it', async () => {
    let looks = 0;
    const blobs = new (class extends MemoryBlobService {
      override stat(
        ...args: Parameters<MemoryBlobService['stat']>
      ): ReturnType<MemoryBlobService['stat']> {
        looks++;
        return super.stat(...args);
      }
    })();
    await using loopback = await openCastoreLoopback({ blobs });
    const [digest] = await loopback.blobs.putMany([patternBytes(3)]);
    const absent = hashBytes(patternBytes(4));
    const asked = Array.from({ length: 500 }, () => [digest!, absent]).flat();
    const found = await loopback.blobs.getMany(asked);
    expect(found.map((blob) => blob?.length)).toEqual(
      asked.map((one) => (one === absent ? undefined : 3)),
    );
    expect(looks).toBe(2);
  });

  it('does not fetch what it does not know the length of', async () => {
    const blobs = new (class extends CountingBlobService {
      override async stat(): Promise<BlobStat> {
        return { size: undefined, chunks: [] };
      }
    })();
    await using loopback = await openCastoreLoopback({ blobs });
    const [digest] = await loopback.blobs.putMany([patternBytes(3)]);
    expect(await loopback.blobs.getMany([digest!])).toEqual([
      Buffer.from(patternBytes(3)),
    ]);
    expect(blobs.opened).toBe(1);
  });

  it('refuses digests that are cut, and more blobs than a batch holds', async () => {
    await using loopback = await openCastoreLoopback();
    const client = createClient(
      FastBlobBatchServiceDefinition,
      loopback.channel,
    );
    const rejected = { code: Status.INVALID_ARGUMENT };
    const digests = new Uint8Array(33);
    await expect(client.findMissing({ digests })).rejects.toMatchObject(
      rejected,
    );
    await expect(
      client.get({ digests })[Symbol.asyncIterator]().next(),
    ).rejects.toMatchObject(rejected);
    const blobs = Array.from(
      { length: BATCH_BLOBS + 1 },
      () => new Uint8Array(0),
    );
    await expect(client.put({ blobs })).rejects.toMatchObject(rejected);
  });
});
