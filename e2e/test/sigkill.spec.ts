import { afterAll, describe, expect, it } from '@jest/globals';
import { Directory, hashBytes, pathComponent } from '@tvix/castore';
import type { B3Digest, Node } from '@tvix/castore';
import {
  createGrpcChannel,
  GrpcBlobService,
  GrpcDirectoryService,
} from '@tvix/castore/grpc';
import { StorePath } from '@tvix/nar';
import { PathInfo } from '@tvix/store';
import { GrpcPathInfoService } from '@tvix/store/grpc';
import { join } from 'node:path';
import { randomNumbers } from '../../packages/castore/test/support/random-numbers.ts';
import { Daemon } from '../support/daemon.ts';
import { scratchFolder } from '../support/scratch.ts';
import { seededBytes } from '../support/trees.ts';

const CYCLES = 50;
const WRITERS = 8;
const SEED = 20_231_222;

const scratch = scratchFolder();
afterAll(() => scratch.remove());

describe(`a daemon killed ${CYCLES} times in the middle of writing (seed ${SEED})`, () => {
  it('reopens by itself, and everything that it acknowledged is there and right', async () => {
    const store = `local:${join(scratch.path, 'store')}`;
    const socket = join(scratch.path, 'socket');
    const random = randomNumbers(SEED);
    const acknowledged: Acknowledged[] = [];
    for (let cycle = 0, seen = 0; cycle < CYCLES; cycle++) {
      await using daemon = await Daemon.start(['--store', store, '-l', socket]);
      await expectAll(socket, acknowledged.slice(seen));
      seen = acknowledged.length;
      await writeUntilKilled(daemon, socket, acknowledged, random);
      expect(acknowledged.length).toBeGreaterThan(seen);
    }
    // Everything once more: a later recovery might lose what an earlier one kept.
    await using daemon = await Daemon.start(['--store', store, '-l', socket]);
    await expectAll(socket, acknowledged);
    expect(await daemon.stop()).toBe(0);
  }, 400_000);
});

/** Something that the daemon said it has. */
type Acknowledged =
  | {
      readonly type: 'blob';
      readonly digest: B3Digest;
      readonly bytes: number;
    }
  | { readonly type: 'directory'; readonly directory: Directory }
  | { readonly type: 'path info'; readonly pathInfo: PathInfo };

function connect(socket: string) {
  const channel = createGrpcChannel({ type: 'unix', path: socket });
  return {
    blobs: new GrpcBlobService(channel),
    directories: new GrpcDirectoryService(channel),
    pathInfos: new GrpcPathInfoService(channel),
    [Symbol.dispose]: () => channel.close(),
  };
}

/** Writers side by side; the daemon dies right after some acknowledgement, while the others are in the middle. */
async function writeUntilKilled(
  daemon: Daemon,
  socket: string,
  acknowledged: Acknowledged[],
  random: () => number,
): Promise<void> {
  using services = connect(socket);
  let left = 1 + Math.floor(random() * 60);
  const acknowledge = (...things: Acknowledged[]): void => {
    if (left <= 0) return;
    acknowledged.push(...things);
    if (--left === 0) daemon.child.kill('SIGKILL');
  };
  const writer = async (): Promise<void> => {
    while (left > 0) {
      const seed = Math.floor(random() * 2 ** 31);
      const kind = random();
      if (kind < 0.4) {
        const blobs = Array.from({ length: 20 }, (_, i) =>
          seededBytes(seed + 2 * i, 100 + (i << (seed % 12))),
        );
        const digests = await services.blobs.putMany(blobs);
        acknowledge(
          ...digests.map((digest, i) => ({
            type: 'blob' as const,
            digest,
            bytes: blobs[i]!.length,
          })),
        );
      } else if (kind < 0.6) {
        const content = seededBytes(seed, 600_000 + (seed % 2_000_000));
        const blob = services.blobs.openWrite();
        for (let at = 0; at < content.length; at += 100_000)
          await blob.write(content.subarray(at, at + 100_000));
        acknowledge({
          type: 'blob',
          digest: await blob.close(),
          bytes: content.length,
        });
      } else if (kind < 0.8) {
        const directory = Directory.fromEntries([
          { name: pathComponent(`f${seed}`), node: fileNode(seed) },
        ]);
        const parent = Directory.fromEntries([
          {
            name: pathComponent('d'),
            node: {
              type: 'directory',
              digest: directory.digest,
              size: directory.size,
            },
          },
        ]);
        const putter = services.directories.putMultipleStart();
        await putter.put(directory);
        await putter.put(parent);
        await putter.close();
        acknowledge(
          { type: 'directory', directory },
          { type: 'directory', directory: parent },
        );
      } else {
        const storePath = StorePath.fromNameAndDigest(
          `killed-${seed}`,
          seededBytes(seed, 20),
        );
        const pathInfo = PathInfo.createBare(storePath, fileNode(seed));
        await services.pathInfos.put(pathInfo);
        acknowledge({ type: 'path info', pathInfo });
      }
    }
  };
  const writers = await Promise.allSettled(
    Array.from({ length: WRITERS }, writer),
  );
  // The kill is the only thing that may have gone wrong.
  for (const result of writers) {
    if (result.status === 'rejected')
      expect((result.reason as { code: string }).code).toBe(
        'castore/unavailable',
      );
  }
  await daemon.stop('SIGKILL');
}

async function expectAll(
  socket: string,
  acknowledged: readonly Acknowledged[],
): Promise<void> {
  using services = connect(socket);
  const blobs = acknowledged.filter((thing) => thing.type === 'blob');
  for (let at = 0; at < blobs.length; at += 100) {
    const some = blobs.slice(at, at + 100);
    // What the client hands out, it compared with the digest.
    const found = await services.blobs.getMany(some.map((blob) => blob.digest));
    expect(found.map((blob) => blob?.length)).toEqual(
      some.map((blob) => blob.bytes),
    );
  }
  for (const thing of acknowledged) {
    if (thing.type === 'directory') {
      const found = await services.directories.get(thing.directory.digest);
      expect(found?.digest.toHex()).toBe(thing.directory.digest.toHex());
    } else if (thing.type === 'path info') {
      const found = await services.pathInfos.get(
        thing.pathInfo.storePath.digest,
      );
      expect(found?.encode()).toEqual(thing.pathInfo.encode());
    }
  }
}

function fileNode(seed: number): Node {
  return {
    type: 'file',
    digest: hashBytes(seededBytes(seed, 8)),
    size: 8n,
    executable: seed % 2 === 0,
  };
}
