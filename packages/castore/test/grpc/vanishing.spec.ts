import { describe, expect, it } from '@jest/globals';
import { hashBytes } from '../../src/digest/hasher.ts';
import {
  GrpcBlobService,
  GrpcDirectoryService,
  createGrpcChannel,
} from '../../src/grpc/index.ts';
import { Directory } from '../../src/node/directory.ts';
import { directoryOf } from './directories.ts';
import { openCastoreLoopback, patternBytes } from './loopback.ts';
import { openSeverable } from './severable.ts';
import {
  WatchedBlobService,
  WatchedDirectoryService,
} from './watched-services.ts';

const EMPTY = hashBytes(new Uint8Array(0));
const MEGABYTE = patternBytes(1_000_000);
const unavailable = { code: 'castore/unavailable', retryable: true };

async function openWatched() {
  const blobs = new WatchedBlobService();
  const directories = new WatchedDirectoryService();
  const loopback = await openCastoreLoopback({ blobs, directories });
  const wire = await openSeverable(loopback.endpoint);
  const channel = createGrpcChannel(wire.endpoint);
  return {
    watchedBlobs: blobs,
    watchedDirectories: directories,
    server: loopback.server,
    wire,
    blobs: new GrpcBlobService(channel),
    directories: new GrpcDirectoryService(channel),
    async [Symbol.asyncDispose]() {
      channel.close();
      await wire[Symbol.asyncDispose]();
      await loopback[Symbol.asyncDispose]();
    },
  };
}

describe('a client that goes away in the middle of a Put', () => {
  it.each(['aborts', 'loses its connection'])(
    'leaves nothing behind where it %s',
    async (how) => {
      await using watched = await openWatched();
      const writer = watched.blobs.openWrite();
      await writer.write(MEGABYTE);
      await watched.watchedBlobs.written.promise;
      if (how === 'aborts') await writer.abort();
      else watched.wire.sever();
      expect(await watched.watchedBlobs.writerEnd.promise).toBe('aborted');
      for (const digest of [
        EMPTY,
        hashBytes(MEGABYTE),
        hashBytes(MEGABYTE.subarray(0, 256 * 1024)),
      ])
        expect(await watched.watchedBlobs.has(digest)).toBe(false);
    },
  );

  it('does not end a stream of directories well', async () => {
    await using watched = await openWatched();
    const putter = watched.directories.putMultipleStart();
    await putter.put(Directory.EMPTY);
    await watched.watchedDirectories.received.promise;
    watched.wire.sever();
    expect(await watched.watchedDirectories.putterEnd.promise).toBe('aborted');
    expect(
      await watched.watchedDirectories.get(Directory.EMPTY.digest),
    ).toBeDefined();
  });
});

describe('a client that goes away in the middle of a Read', () => {
  it.each(['stops reading', 'aborts', 'loses its connection'])(
    'has its blob closed where it %s',
    async (how) => {
      await using watched = await openWatched();
      const controller = new AbortController();
      const reader = await watched.blobs.openRead(hashBytes(MEGABYTE));
      const read = async (): Promise<void> => {
        for await (const piece of reader!.read(undefined, {
          signal: controller.signal,
        })) {
          expect(piece.length).toBeGreaterThan(0);
          if (how === 'stops reading') return;
          if (how === 'aborts') controller.abort(new RangeError('enough'));
          else watched.wire.sever();
        }
      };
      if (how === 'stops reading') await read();
      else if (how === 'aborts') await expect(read()).rejects.toThrow('enough');
      else await expect(read()).rejects.toMatchObject(unavailable);
      await watched.watchedBlobs.readerEnd.promise;
    },
  );

  it('is sent no more than fits into the windows while it does not read on', async () => {
    await using watched = await openWatched();
    const reader = await watched.blobs.openRead(hashBytes(MEGABYTE));
    const pieces = reader!.read()[Symbol.asyncIterator]();
    await pieces.next();
    // The server goes on until everything between is full: it has stood still once the count does.
    let before = -1;
    while (before !== watched.watchedBlobs.bytesRead) {
      before = watched.watchedBlobs.bytesRead;
      for (let turn = 0; turn < 50; turn++)
        await new Promise((resolve) => setImmediate(resolve));
    }
    expect(before).toBeLessThan(64 * 1024 * 1024);
    await reader!.close();
    await watched.watchedBlobs.readerEnd.promise;
    await expect(pieces.next()).rejects.toMatchObject({
      code: 'castore/closed',
    });
  });
});

describe('a server that goes away', () => {
  it.each(['shuts down by force', 'loses its connection'])(
    'fails a Read as unavailable where it %s',
    async (how) => {
      await using watched = await openWatched();
      const reader = await watched.blobs.openRead(hashBytes(MEGABYTE));
      const read = async (): Promise<void> => {
        for await (const piece of reader!.read()) {
          expect(piece.length).toBeGreaterThan(0);
          if (how === 'shuts down by force') watched.server.forceShutdown();
          else watched.wire.sever();
        }
      };
      await expect(read()).rejects.toMatchObject(unavailable);
    },
  );

  it('fails a Put as unavailable, at a write or at the end, and again after that', async () => {
    await using watched = await openWatched();
    const writer = watched.blobs.openWrite();
    await writer.write(MEGABYTE);
    await watched.watchedBlobs.written.promise;
    watched.wire.sever();
    const rest = async (): Promise<unknown> => {
      for (let part = 0; part < 100; part++) await writer.write(MEGABYTE);
      return await writer.close();
    };
    await expect(rest()).rejects.toMatchObject(unavailable);
    await expect(writer.close()).rejects.toMatchObject(unavailable);
    await expect(writer.close()).rejects.toMatchObject(unavailable);
  });

  it('closes a putter, whose next use fails', async () => {
    await using watched = await openWatched();
    const putter = watched.directories.putMultipleStart();
    await putter.put(Directory.EMPTY);
    await watched.watchedDirectories.received.promise;
    expect(putter.isClosed).toBe(false);
    watched.wire.sever();
    while (!putter.isClosed)
      await new Promise((resolve) => setImmediate(resolve));
    await expect(
      putter.put(directoryOf({ a: Directory.EMPTY })),
    ).rejects.toMatchObject(unavailable);
    await expect(putter.put(Directory.EMPTY)).rejects.toMatchObject({
      code: 'castore/closed',
    });
  });

  it('that was never there is unavailable to every call', async () => {
    const channel = createGrpcChannel({
      type: 'unix',
      path: '/nonexistent/socket',
    });
    try {
      const blobs = new GrpcBlobService(channel);
      const directories = new GrpcDirectoryService(channel);
      const calls = [
        () => blobs.has(EMPTY),
        () => blobs.openRead(EMPTY),
        () => blobs.openWrite().close(),
        () => blobs.putMany([MEGABYTE]),
        () => blobs.getMany([EMPTY]),
        () => blobs.findMissing([EMPTY]),
        () => directories.get(EMPTY),
        () => directories.put(Directory.EMPTY),
        () => directories.getRecursive(EMPTY)[Symbol.asyncIterator]().next(),
      ];
      for (const call of calls)
        await expect(call()).rejects.toMatchObject(unavailable);
    } finally {
      channel.close();
    }
  });
});

describe('a call that is given an aborted signal', () => {
  it('rejects with its reason, unchanged', async () => {
    await using loopback = await openCastoreLoopback();
    const reason = new RangeError('too late');
    const options = { signal: AbortSignal.abort(reason) };
    const { blobs, directories } = loopback;
    const calls = [
      () => blobs.has(EMPTY, options),
      () => blobs.stat(EMPTY, options),
      () => blobs.openRead(EMPTY, options),
      () => blobs.openWrite(options).write(MEGABYTE),
      () => blobs.openWrite(options).close(),
      () => blobs.putMany([MEGABYTE], options),
      () => blobs.getMany([EMPTY], options),
      () => blobs.findMissing([EMPTY], options),
      () => directories.get(EMPTY, options),
      () => directories.put(Directory.EMPTY, options),
      () =>
        directories.getRecursive(EMPTY, options)[Symbol.asyncIterator]().next(),
    ];
    for (const call of calls) await expect(call()).rejects.toBe(reason);
  });
});
