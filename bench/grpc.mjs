// Blobs over gRPC on loopback, two processes, in memory: our client and server against plain nice-grpc as it comes.
import { fork } from 'node:child_process';
import { once as event } from 'node:events';
import { fileURLToPath } from 'node:url';
import { GrpcBlobService, createGrpcChannel } from '@tvix/castore/grpc';
import { median } from './measure.mjs';
import { plainClient } from './grpc/plain.mjs';

export const title = 'Blobs over gRPC on loopback';

const LARGE_BYTES = 1024 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;
const SMALL_BLOBS = 20_000;
const SMALL_BYTES = 4096;

export async function run() {
  const ours = await startServer('ours');
  const plain = await startServer('plain');
  const channel = createGrpcChannel({
    type: 'tcp',
    host: '127.0.0.1',
    port: ours.port,
    tls: false,
  });
  const blobs = new GrpcBlobService(channel);
  const client = plainClient(plain.port);
  try {
    const large = await bulk(blobs, client);
    const small = await many(blobs, client);
    return [...large, small];
  } finally {
    channel.close();
    client.close();
    ours.child.kill();
    plain.child.kill();
  }
}

async function bulk(blobs, client) {
  const piece = Buffer.alloc(PIECE_BYTES, 0x5a);
  const times = { put: [], read: [], plainPut: [], plainRead: [] };
  for (let round = 0; round < 3; round++) {
    let digest;
    times.put.push(
      await timed(async () => {
        const writer = blobs.openWrite();
        for (let at = 0; at < LARGE_BYTES; at += PIECE_BYTES)
          await writer.write(piece);
        digest = await writer.close();
      }),
    );
    times.plainPut.push(
      await timed(() => client.put(LARGE_BYTES / PIECE_BYTES, piece)),
    );
    times.read.push(
      await timed(async () => {
        const reader = await blobs.openRead(digest);
        let bytes = 0;
        for await (const chunk of reader.read()) bytes += chunk.length;
        await reader.close();
        if (bytes !== LARGE_BYTES) throw new Error(`read ${bytes} bytes`);
      }),
    );
    times.plainRead.push(
      await timed(async () => {
        const bytes = await client.read(digest.bytes);
        if (bytes !== LARGE_BYTES) throw new Error(`read ${bytes} bytes`);
      }),
    );
  }
  const row = (work, ours, theirs) => ({
    work,
    ours: `${rate(ours)} MB/s`,
    against: `plain nice-grpc: ${rate(theirs)} MB/s`,
    speed: `${(median(theirs) / median(ours)).toFixed(2)} ×`,
  });
  return [
    row('put a blob of 1 GiB', times.put, times.plainPut),
    row('read a blob of 1 GiB', times.read, times.plainRead),
  ];
}

async function many(blobs, client) {
  const batch = [];
  const single = [];
  for (let round = 0; round < 3; round++) {
    const contents = Array.from({ length: SMALL_BLOBS }, (_, index) => {
      const blob = Buffer.alloc(SMALL_BYTES);
      blob.writeUInt32LE(round * SMALL_BLOBS + index);
      return blob;
    });
    batch.push(
      await timed(async () => {
        for (let at = 0; at < SMALL_BLOBS; at += 1000)
          await blobs.putMany(contents.slice(at, at + 1000));
      }),
    );
    single.push(
      await timed(async () => {
        for (let at = 0; at < SMALL_BLOBS; at += 64)
          await Promise.all(
            contents.slice(at, at + 64).map((blob) => client.put(1, blob)),
          );
      }),
    );
  }
  const perSecond = (times) => Math.round(SMALL_BLOBS / median(times));
  return {
    work: '20,000 blobs of 4 KiB',
    ours: `${perSecond(batch)} blobs/s`,
    against: `one Put call each, 64 in flight: ${perSecond(single)} blobs/s`,
    speed: `${(median(single) / median(batch)).toFixed(2)} ×`,
  };
}

async function startServer(kind) {
  const child = fork(
    fileURLToPath(new URL('./grpc/server.mjs', import.meta.url)),
    [kind],
  );
  const [port] = await event(child, 'message');
  return { child, port };
}

async function timed(work) {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

function rate(times) {
  return (LARGE_BYTES / 1e6 / median(times)).toFixed(0);
}
