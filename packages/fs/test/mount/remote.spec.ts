import { afterEach, expect, it, jest } from '@jest/globals';
import { B3Digest, parseAddress } from '@tvix/castore';
import type { BlobReader, Node } from '@tvix/castore';
import {
  addCastoreServices,
  createGrpcServer,
  openGrpcAddress,
} from '@tvix/castore/grpc';
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryServices, putTree } from '../support/tree.ts';
import { rootNodesFromMap } from './support/backends.ts';
import { CuttableWire } from './support/cuttable-wire.ts';
import { Mounts } from './support/mounts.ts';
import { describeMounts } from './support/requirements.ts';

jest.setTimeout(60_000);

describeMounts(
  'what a mount shows of a store far away',
  ['fuse', 'root'],
  () => {
    const mounts = new Mounts();

    afterEach(() => mounts.clear(), 60_000);

    it('fails while the store is dead, and is there again when it returns', async () => {
      const directory = await mkdtemp(join(tmpdir(), 'tvix-fs-dies-'));
      const [near, far] = [join(directory, 'near'), join(directory, 'far')];
      const server = createGrpcServer();
      addCastoreServices(server, memoryServices());
      await server.listen(`unix:${far}`);
      const wire = new CuttableWire(near, far);
      await wire.join();
      const client = await openGrpcAddress(parseAddress(`grpc+unix:${near}`));
      try {
        const tree = await putTree(client, { seen: 'seen', unseen: 'unseen' });
        const { mountPoint } = await mounts.mount({
          ...client,
          rootNodes: rootNodesFromMap(new Map([['tree', tree]])),
        });
        const at = (name: string): string => join(mountPoint, 'tree', name);
        expect(await readFile(at('seen'), 'utf8')).toBe('seen');
        wire.cut();
        expect(await readFile(at('seen'), 'utf8')).toBe('seen');
        await expect(readFile(at('unseen'))).rejects.toMatchObject({
          code: 'EIO',
        });
        await wire.join();
        // The channel waits a little before it connects again.
        let contents: string | undefined;
        while (contents === undefined)
          contents = await readFile(at('unseen'), 'utf8').catch(
            () => undefined,
          );
        expect(contents).toBe('unseen');
      } finally {
        await mounts.clear();
        await client.close();
        wire.cut();
        server.forceShutdown();
        await rm(directory, { recursive: true });
      }
    });

    it('may be larger than 4 GiB', async () => {
      const size = 5 * 2 ** 30 + 12345;
      const byteAt = (offset: number): number => (offset >>> 0) % 251;
      const reader: BlobReader = {
        size,
        async *read(range = { offset: 0 }) {
          const end = Math.min(size, range.offset + (range.length ?? Infinity));
          const bytes = new Uint8Array(Math.max(0, end - range.offset));
          for (let i = 0; i < bytes.length; i++)
            bytes[i] = byteAt((range.offset + i) % 2 ** 32);
          yield bytes;
        },
        close: async () => undefined,
        [Symbol.asyncDispose]: async () => undefined,
      };
      const huge: Node = {
        type: 'file',
        digest: B3Digest.fromBytes(new Uint8Array(32).fill(9)),
        size: BigInt(size),
        executable: false,
      };
      const { mountPoint } = await mounts.mount({
        directories: memoryServices().directories,
        blobs: {
          capabilities: { chunks: false, ranges: true },
          getMany: async (digests) => digests.map(() => undefined),
          stat: async () => ({ size, chunks: [] }),
          openRead: async () => reader,
        },
        rootNodes: rootNodesFromMap(new Map([['huge', huge]])),
      });
      const path = join(mountPoint, 'huge');
      expect((await stat(path)).size).toBe(size);
      await using file = await open(path);
      for (const offset of [
        0,
        2 ** 31 - 5,
        2 ** 32 - 5,
        2 ** 32 + 131_072 - 5,
        size - 10,
      ]) {
        const { buffer, bytesRead } = await file.read(
          Buffer.alloc(10),
          0,
          10,
          offset,
        );
        expect(bytesRead).toBe(10);
        expect([...buffer]).toEqual(
          Array.from({ length: 10 }, (_, i) => byteAt((offset + i) % 2 ** 32)),
        );
      }
      const beyond = await file.read(Buffer.alloc(10), 0, 10, size - 3);
      expect(beyond.bytesRead).toBe(3);
    });
  },
);
