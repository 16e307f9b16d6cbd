import { describe, expect, it } from '@jest/globals';
import { Status, createClient } from 'nice-grpc';
import { hashBytes } from '../../src/digest/hasher.ts';
import {
  FastDirectoryServiceDefinition,
  MAX_MESSAGE_BYTES,
  createGrpcServer,
} from '../../src/grpc/index.ts';
import { Directory } from '../../src/node/directory.ts';
import { pathComponent } from '../../src/path/path-component.ts';
import { BlobServiceDefinition } from '../../src/proto/index.ts';
import { directoryOf } from './directories.ts';
import { openCastoreLoopback, openLoopback, patternBytes } from './loopback.ts';

/** A message of this many bytes is one byte of tag, four of length, and the rest payload. */
const HEADER_BYTES = 5;

describe('the limit of a message', () => {
  it('takes 4 MiB', async () => {
    await using loopback = await openCastoreLoopback();
    const client = createClient(BlobServiceDefinition, loopback.channel);
    const data = patternBytes(MAX_MESSAGE_BYTES - HEADER_BYTES);
    const request = (async function* () {
      yield { data };
    })();
    const { digest } = await client.put(request);
    expect(Buffer.from(digest).toString('hex')).toBe(hashBytes(data).toHex());
  });

  it('answers OUT_OF_RANGE to one byte more, before the message is there, and stores nothing', async () => {
    await using loopback = await openCastoreLoopback();
    const client = createClient(BlobServiceDefinition, loopback.channel);
    const data = patternBytes(MAX_MESSAGE_BYTES - HEADER_BYTES + 1);
    const request = (async function* () {
      yield { data };
    })();
    await expect(client.put(request)).rejects.toMatchObject({
      code: Status.OUT_OF_RANGE,
    });
    expect(await loopback.backend.blobs.has(hashBytes(data))).toBe(false);
    expect(await loopback.backend.blobs.has(hashBytes(new Uint8Array(0)))).toBe(
      false,
    );
    // The connection is still good.
    await loopback.blobs.putMany([data.subarray(0, 10)]);
  });

  it('is no limit of a blob: our client cuts it', async () => {
    await using loopback = await openCastoreLoopback();
    const data = patternBytes(MAX_MESSAGE_BYTES + 1);
    const [digest] = await loopback.blobs.putMany([data]);
    const [back] = await loopback.blobs.getMany([digest!]);
    expect(Buffer.compare(back!, data)).toBe(0);
  });

  it('fails a read whose server sends more, with the code of a limit', async () => {
    const data = patternBytes(MAX_MESSAGE_BYTES - HEADER_BYTES + 1);
    await using loopback = await openLoopback(
      (server: ReturnType<typeof createGrpcServer>) =>
        server.add(BlobServiceDefinition, {
          stat: async () => ({}),
          put: async () => ({}),
          async *read() {
            yield { data };
          },
        }),
    );
    await expect(
      loopback.blobs.getMany([hashBytes(data)]),
    ).rejects.toMatchObject({
      code: 'castore/limit-exceeded',
    });
  });

  it('refuses a directory beyond it, and takes the ones around it', async () => {
    await using loopback = await openCastoreLoopback();
    const wide = (entries: number): Directory =>
      directoryOf(
        Object.fromEntries(
          Array.from({ length: entries }, (_, index) => [
            index.toString().padStart(211, 'n'),
            Directory.EMPTY,
          ]),
        ),
      );
    // 211 + 3 bytes of name, 34 of digest, and 3 in front.
    const fitting = wide(Math.floor(MAX_MESSAGE_BYTES / 251));
    expect(fitting.encode().length).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
    const beyond = wide(Math.floor(MAX_MESSAGE_BYTES / 251) + 1);
    expect(beyond.encode().length).toBeGreaterThan(MAX_MESSAGE_BYTES);

    const { directories } = loopback;
    const putter = directories.putMultipleStart();
    await putter.put(Directory.EMPTY);
    await putter.put(fitting);
    await putter.close();
    expect((await directories.get(fitting.digest))?.entries.length).toBe(
      fitting.entries.length,
    );

    const failing = directories.putMultipleStart();
    await failing.put(Directory.EMPTY);
    const put = async (): Promise<unknown> => {
      await failing.put(beyond);
      return await failing.close();
    };
    await expect(put()).rejects.toMatchObject({
      code: 'castore/limit-exceeded',
    });
  });

  it('keeps a status message that names a long name short', async () => {
    await using loopback = await openCastoreLoopback();
    const name = pathComponent('n'.repeat(3_000_000));
    const node = {
      type: 'directory',
      digest: hashBytes(name),
      size: 0n,
    } as const;
    const encoded = Directory.fromEntries([{ name, node }]).encode();
    // A slash makes the name invalid, and the server quotes it.
    encoded[encoded.indexOf('n'.charCodeAt(0))] = '/'.charCodeAt(0);
    const client = createClient(
      FastDirectoryServiceDefinition,
      loopback.channel,
    );
    const request = (async function* () {
      yield { encoded };
    })();
    await expect(client.put(request)).rejects.toMatchObject({
      code: Status.INVALID_ARGUMENT,
    });
  });
});

describe('malformed messages', () => {
  it('are answered with INTERNAL', async () => {
    await using loopback = await openCastoreLoopback();
    const directories = createClient(
      FastDirectoryServiceDefinition,
      loopback.channel,
    );
    const malformed = (async function* () {
      yield { encoded: new Uint8Array([0x0a, 0xff]) };
    })();
    await expect(directories.put(malformed)).rejects.toMatchObject({
      code: Status.INTERNAL,
    });
  });
});
