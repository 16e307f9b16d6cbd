import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Status, createClient } from 'nice-grpc';
import { MemoryDirectoryService } from '../../src/directory-service/memory.ts';
import { CastoreError } from '../../src/errors.ts';
import { Directory } from '../../src/node/directory.ts';
import {
  Directory as DirectoryMessage,
  DirectoryServiceDefinition,
} from '../../src/proto/index.ts';
import { directoryOf } from './directories.ts';
import { openCastoreLoopback } from './loopback.ts';

const A = Directory.EMPTY;
const B = directoryOf({ a: A });
const C = directoryOf({ a: A, "a'": A });
const WRONG_SIZE = directoryOf({ foo: { digest: A.digest, size: 42n } });

/** Calls with the generated codecs, as a client that isn't ours does. */
type RawClient = ReturnType<typeof rawClient>;
function rawClient({
  channel,
}: Pick<Awaited<ReturnType<typeof openCastoreLoopback>>, 'channel'>) {
  return createClient(DirectoryServiceDefinition, channel);
}

async function* messages(
  ...directories: readonly Directory[]
): AsyncGenerator<DirectoryMessage> {
  for (const directory of directories)
    yield DirectoryMessage.decode(directory.encode());
}

async function get(
  client: RawClient,
  digest: Uint8Array,
  recursive = false,
): Promise<string[]> {
  const received: string[] = [];
  for await (const message of client.get({
    byWhat: { $case: 'digest', value: digest },
    recursive,
  }))
    received.push(
      Directory.decode(
        DirectoryMessage.encode(message).finish(),
      ).digest.toHex(),
    );
  return received;
}

describe('DirectoryServiceServer', () => {
  let loopback: Awaited<ReturnType<typeof openCastoreLoopback>>;
  let client: RawClient;
  beforeEach(async () => {
    loopback = await openCastoreLoopback();
    client = rawClient(loopback);
  });
  afterEach(async () => {
    await loopback[Symbol.asyncDispose]();
  });

  describe('Get', () => {
    it.each([false, true])(
      'refuses a request without digest (recursive: %s)',
      async (recursive) => {
        const call = client.get({ recursive })[Symbol.asyncIterator]();
        await expect(call.next()).rejects.toMatchObject({
          code: Status.INVALID_ARGUMENT,
        });
      },
    );

    it('refuses a digest of another length', async () => {
      await expect(get(client, new Uint8Array(31))).rejects.toMatchObject({
        code: Status.INVALID_ARGUMENT,
      });
    });

    it('ends with NOT_FOUND for what is absent', async () => {
      await expect(get(client, A.digest.bytes)).rejects.toMatchObject({
        code: Status.NOT_FOUND,
      });
    });

    it('ends with INTERNAL for a tree whose root is absent', async () => {
      await expect(get(client, A.digest.bytes, true)).rejects.toMatchObject({
        code: Status.INTERNAL,
      });
    });

    it('sends one directory, or a tree breadth first with each digest once', async () => {
      await client.put(messages(A, B, C));
      expect(await get(client, B.digest.bytes)).toEqual([B.digest.toHex()]);
      expect(await get(client, B.digest.bytes, true)).toEqual(
        [B, A].map(({ digest }) => digest.toHex()),
      );
      expect(await get(client, C.digest.bytes, true)).toEqual(
        [C, A].map(({ digest }) => digest.toHex()),
      );
    });

    it('ends a tree with INTERNAL at the first directory that is missing', async () => {
      await loopback.backend.directories.put(B);
      const received: unknown[] = [];
      const read = async (): Promise<void> => {
        const request = {
          byWhat: { $case: 'digest', value: B.digest.bytes },
          recursive: true,
        } as const;
        for await (const message of client.get(request)) received.push(message);
      };
      await expect(read()).rejects.toMatchObject({ code: Status.INTERNAL });
      expect(received).toHaveLength(1);
    });

    it('answers a failure of the storage with DATA_LOSS, and in a tree with INTERNAL', async () => {
      const directories = new MemoryDirectoryService();
      directories.get = async () => {
        throw new CastoreError('castore/io', 'disk gone');
      };
      await using failing = await openCastoreLoopback({ directories });
      const raw = rawClient(failing);
      await expect(get(raw, A.digest.bytes)).rejects.toMatchObject({
        code: Status.DATA_LOSS,
        details: 'storage error: disk gone',
      });
      await expect(get(raw, A.digest.bytes, true)).rejects.toMatchObject({
        code: Status.INTERNAL,
      });
    });
  });

  describe('Put', () => {
    it('answers with the digest of the last message', async () => {
      const { rootDigest } = await client.put(messages(A, A, C));
      expect(Buffer.from(rootDigest).toString('hex')).toBe(C.digest.toHex());
    });

    it('refuses an empty stream', async () => {
      await expect(client.put(messages())).rejects.toMatchObject({
        code: Status.INVALID_ARGUMENT,
      });
    });

    it('refuses a parent whose child came in another stream only', async () => {
      await client.put(messages(A));
      await expect(client.put(messages(B))).rejects.toMatchObject({
        code: Status.INVALID_ARGUMENT,
      });
      expect(await loopback.backend.directories.get(B.digest)).toBeUndefined();
    });

    it('refuses a wrong size of a child', async () => {
      await expect(client.put(messages(A, WRONG_SIZE))).rejects.toMatchObject({
        code: Status.INVALID_ARGUMENT,
      });
    });

    it('refuses a directory that breaks a rule', async () => {
      const unsorted = {
        ...DirectoryMessage.create(),
        symlinks: [link('b'), link('a')],
      };
      const request = (async function* () {
        yield unsorted;
      })();
      await expect(client.put(request)).rejects.toMatchObject({
        code: Status.INVALID_ARGUMENT,
      });
    });

    it('keeps what it accepted before a failure', async () => {
      await expect(
        client.put(messages(A, B, WRONG_SIZE)),
      ).rejects.toMatchObject({ code: Status.INVALID_ARGUMENT });
      expect(await get(client, B.digest.bytes, true)).toHaveLength(2);
      expect(
        await loopback.backend.directories.get(WRONG_SIZE.digest),
      ).toBeUndefined();
    });

    it('ends at a failure although the client goes on sending', async () => {
      let sent = 0;
      const endless = (async function* () {
        for (;;) {
          sent++;
          yield* messages(B);
        }
      })();
      await expect(client.put(endless)).rejects.toMatchObject({
        code: Status.INVALID_ARGUMENT,
      });
      expect(sent).toBeGreaterThan(0);
      // The connection is still good.
      await client.put(messages(A));
    });
  });
});

function link(name: string): { name: Uint8Array; target: Uint8Array } {
  return { name: Buffer.from(name), target: Buffer.from('target') };
}
