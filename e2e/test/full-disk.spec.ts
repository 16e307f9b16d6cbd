import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  createGrpcChannel,
  GrpcBlobService,
  GrpcDirectoryService,
} from '@tvix/castore/grpc';
import { Directory } from '@tvix/castore';
import { StorePath } from '@tvix/nar';
import { PathInfo } from '@tvix/store';
import { GrpcPathInfoService } from '@tvix/store/grpc';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Daemon } from '../support/daemon.ts';
import { describeWith } from '../support/machine.ts';
import { output, runProgram, tvixStore } from '../support/program.ts';
import { scratchFolder } from '../support/scratch.ts';
import { seededBytes } from '../support/trees.ts';

const DISK_MIB = 32;

const scratch = scratchFolder();
const disk = join(scratch.path, 'disk');
const socket = join(scratch.path, 'socket');

describeWith(['root'], 'a daemon whose disk fills up', () => {
  let daemon: Daemon;
  let channel: ReturnType<typeof createGrpcChannel>;

  beforeAll(async () => {
    mkdirSync(disk);
    const size = `size=${DISK_MIB}m`;
    await output(
      runProgram('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', disk]),
    );
    daemon = await Daemon.start([
      '--store',
      `local:${join(disk, 'store')}`,
      '-l',
      socket,
    ]);
    channel = createGrpcChannel({ type: 'unix', path: socket });
  });
  afterAll(async () => {
    channel.close();
    expect(await daemon.stop()).toBe(0);
    await output(runProgram('umount', [disk]));
    scratch.remove();
  });

  it('refuses with RESOURCE_EXHAUSTED, serves, is cared for, and takes more when there is room', async () => {
    const blobs = new GrpcBlobService(channel);
    const refused = { code: 'castore/no-space' };
    const [first] = await blobs.putMany([seededBytes(1, 100_000)]);
    // What reserves space for bad times got none: the disk is smaller.
    const makeRoom = fill(join(disk, 'ballast'));
    await expect(put(blobs, 2)).rejects.toMatchObject(refused);
    const empty = Directory.fromEntries([]);
    const directories = new GrpcDirectoryService(channel);
    const pathInfos = new GrpcPathInfoService(channel);
    const storePath = StorePath.fromNameAndDigest('full', seededBytes(3, 20));
    const pathInfo = PathInfo.createBare(storePath, {
      type: 'directory',
      digest: empty.digest,
      size: empty.size,
    });
    // Small ones may find room in pages that are there already; then they are kept.
    const small = await Promise.allSettled([
      directories.put(empty),
      pathInfos.put(pathInfo),
    ]);
    for (const outcome of small)
      if (outcome.status === 'rejected')
        expect((outcome.reason as { code: string }).code).toMatch(/no-space$/);

    const [found] = await blobs.getMany([first!]);
    expect(Buffer.compare(found!, seededBytes(1, 100_000))).toBe(0);
    const store = `grpc+unix://${socket}`;
    await output(tvixStore(['gc', '--store', store]));

    makeRoom();
    await put(blobs, 2);
    await directories.put(empty);
    await pathInfos.put(pathInfo);
    expect(await pathInfos.get(storePath.digest)).toBeDefined();
    await output(tvixStore(['verify', '--store', store]));
  });
});

async function put(blobs: GrpcBlobService, seed: number): Promise<void> {
  const writer = blobs.openWrite();
  const content = seededBytes(seed, 4_000_000);
  for (let at = 0; at < content.length; at += 100_000)
    await writer.write(content.subarray(at, at + 100_000));
  await writer.close();
}

/** Takes all room that is left; answers with what gives it back. */
function fill(file: string): () => void {
  const fd = openSync(file, 'w');
  const block = Buffer.alloc(4096);
  try {
    for (;;) writeSync(fd, block);
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
  } finally {
    closeSync(fd);
  }
  return () => rmSync(file);
}
