// What one gets from nice-grpc and the generated code with their defaults: the measure for our own tuning.
import { createHash } from 'node:crypto';
import { hashBytes } from '@tvix/castore';
import { BlobServiceDefinition } from '@tvix/castore/proto';
import { createChannel, createClient, createServer } from 'nice-grpc';

/** A blob service that keeps what it is sent, piece by piece, under its digest. */
export async function plainServer() {
  const blobs = new Map();
  const server = createServer();
  server.add(BlobServiceDefinition, {
    stat: async () => ({}),
    async put(request) {
      const pieces = [];
      for await (const { data } of request) pieces.push(data);
      // Large blobs are named by their first piece and their length: hashing isn't what is measured here.
      const digest = name(pieces);
      blobs.set(Buffer.from(digest).toString('hex'), pieces);
      return { digest };
    },
    async *read() {
      // The last blob of more than a piece: the client only counts.
      const pieces = [...blobs.values()].findLast(({ length }) => length > 1);
      for (const data of pieces) yield { data };
    },
  });
  const port = await server.listen('127.0.0.1:0');
  return port;
}

function name(pieces) {
  if (pieces.length === 1) return hashBytes(pieces[0]).bytes;
  return createHash('sha256')
    .update(pieces[0].subarray(0, 64))
    .update(String(pieces.length))
    .digest();
}

export function plainClient(port) {
  const channel = createChannel(`127.0.0.1:${port}`);
  const client = createClient(BlobServiceDefinition, channel);
  return {
    put: (count, data) =>
      client.put(
        (async function* () {
          for (let index = 0; index < count; index++) yield { data };
        })(),
      ),
    async read(digest) {
      let bytes = 0;
      for await (const { data } of client.read({ digest }))
        bytes += data.length;
      return bytes;
    },
    close: () => channel.close(),
  };
}
