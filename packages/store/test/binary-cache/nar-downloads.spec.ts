import { once } from 'node:events';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Directory, pathComponent } from '@tvix/castore';
import type { Node } from '@tvix/castore';
import { seededBytes } from '@tvix/castore/conformance';
import {
  addTree,
  memoryServices,
  narOf,
  StartedCache,
} from './started-cache.ts';

/** A tree of 3 MB: small files and one that is longer than a buffer. */
async function someTree(
  services: ReturnType<typeof memoryServices>,
  seed: number,
): Promise<Node> {
  const blobs = Array.from({ length: 60 }, (_, i) =>
    seededBytes(i === 30 ? 600_000 : 40_000 + i, seed * 100 + i),
  );
  const digests = await services.blobs.putMany(blobs);
  const directory = Directory.fromEntries(
    digests.map((digest, i) => ({
      name: pathComponent(`f${String(i).padStart(2, '0')}`),
      node: {
        type: 'file',
        digest,
        size: BigInt(blobs[i]!.length),
        executable: false,
      },
    })),
  );
  await services.directories.put(directory);
  return { type: 'directory', digest: directory.digest, size: directory.size };
}

/** Reads a reply in small pieces, with the turns of others in between. */
async function readSlowly(url: string): Promise<Buffer> {
  const [response] = (await once(get(url, { agent: false }), 'response')) as [
    IncomingMessage,
  ];
  const pieces: Buffer[] = [];
  for await (const piece of response) {
    pieces.push(piece as Buffer);
    for (let i = 0; i < 5; i++) await turn();
  }
  return Buffer.concat(pieces);
}

describe('NARs that are sent side by side', () => {
  it('come as they are, to slow clients and fast ones, whole and in part, while others go away', async () => {
    const services = memoryServices();
    await using cache = await StartedCache.start({}, {}, services);
    const paths = await Promise.all(
      [1, 2, 3].map(async (seed) => {
        const node = await someTree(services, seed);
        const { storePath } = await addTree(services, `p${seed}`, node);
        const path = `/nar/${storePath.hashPart}.nar`;
        return { path, nar: await narOf(services, node) };
      }),
    );
    const jobs = paths.flatMap(({ path, nar }) => [
      ...Array.from({ length: 3 }, async () => {
        const bytes = await readSlowly(`${cache.url}${path}`);
        expect(Buffer.compare(bytes, nar)).toBe(0);
      }),
      ...[0, 1, 300_000, 1_900_000].map(async (start) => {
        const range = { Range: `bytes=${start}-` };
        const { body } = await cache.get(path, range);
        expect(Buffer.compare(body, nar.subarray(start))).toBe(0);
      }),
      ...Array.from({ length: 3 }, async () => {
        const request = get(`${cache.url}${path}`, { agent: false });
        const [response] = (await once(request, 'response')) as [
          IncomingMessage,
        ];
        await once(response, 'data');
        request.destroy();
      }),
    ]);
    await Promise.all(jobs);
  });
});
