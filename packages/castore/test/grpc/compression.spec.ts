import { once } from 'node:events';
import { connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { Status } from 'nice-grpc';
import { hashBytes } from '../../src/digest/hasher.ts';
import { encodeBlobChunk } from '../../src/grpc/blob-chunk.ts';
import { MAX_MESSAGE_BYTES } from '../../src/grpc/index.ts';
import type { GrpcEndpoint } from '../../src/grpc/index.ts';
import { openCastoreLoopback } from './loopback.ts';

/** Puts one message whose compressed flag is set, by hand, and answers with the status. */
async function putCompressed(
  endpoint: GrpcEndpoint,
  encoding: string,
  message: Uint8Array,
): Promise<number> {
  if (endpoint.type !== 'unix') throw new TypeError('unix sockets only');
  const session = connect('http://localhost', {
    createConnection: () => connectSocket(endpoint.path),
  });
  try {
    const call = session.request({
      ':method': 'POST',
      ':path': '/tvix.castore.v1.BlobService/Put',
      'content-type': 'application/grpc',
      'grpc-encoding': encoding,
      te: 'trailers',
    });
    const frame = Buffer.alloc(5);
    frame.writeUInt8(1, 0);
    frame.writeUInt32BE(message.length, 1);
    call.end(Buffer.concat([frame, message]));
    call.resume();
    let status: unknown;
    call.on('response', (headers) => (status ??= headers['grpc-status']));
    call.on('trailers', (headers) => (status ??= headers['grpc-status']));
    await once(call, 'close');
    return Number(status);
  } finally {
    session.close();
  }
}

describe('a compressed message', () => {
  it('is unpacked', async () => {
    await using loopback = await openCastoreLoopback();
    const data = Uint8Array.of(1, 2, 3);
    const message = gzipSync(encodeBlobChunk(data));
    expect(await putCompressed(loopback.endpoint, 'gzip', message)).toBe(
      Status.OK,
    );
    expect(await loopback.backend.blobs.has(hashBytes(data))).toBe(true);
  });

  it('is refused where it unpacks to more than a message may hold', async () => {
    await using loopback = await openCastoreLoopback();
    const message = gzipSync(
      encodeBlobChunk(new Uint8Array(64 * MAX_MESSAGE_BYTES)),
    );
    expect(message.length).toBeLessThan(MAX_MESSAGE_BYTES);
    expect(await putCompressed(loopback.endpoint, 'gzip', message)).toBe(
      Status.OUT_OF_RANGE,
    );
  });

  it('is refused where its encoding is unknown', async () => {
    await using loopback = await openCastoreLoopback();
    const message = encodeBlobChunk(Uint8Array.of(1));
    expect(await putCompressed(loopback.endpoint, 'zstd', message)).toBe(
      Status.UNIMPLEMENTED,
    );
  });
});
