import { describe, expect, it } from '@jest/globals';
import { hashBytes, MemoryBlobService } from '@tvix/castore';
import type { B3Digest, BlobPlace, BlobReader, ChunkMeta } from '@tvix/castore';
import { BlobCache } from '../src/blob-cache.ts';
import { ServiceBlobSource } from '../src/blob-source.ts';
import type { BlobSource, ReadableBlobs } from '../src/blob-source.ts';

function contents(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 2654435761) >>> 13;
  return bytes;
}

async function read(
  cache: BlobCache,
  digest: B3Digest,
  size: number,
  offset: number,
  length: number,
): Promise<Buffer> {
  const blob = { digest, size };
  const kept = cache.peek(blob, offset, length);
  // The parts are the cache's own, which `load` may use again.
  const before = kept && Buffer.concat(kept);
  const loaded = Buffer.concat(await cache.load(blob, offset, length));
  if (before !== undefined) expect(before.equals(loaded)).toBe(true);
  return loaded;
}

/** A store that keeps blobs as chunks of uneven lengths, and counts what it is asked. */
class ChunkedSource implements BlobSource {
  readonly fetched: string[] = [];
  /** Which chunks can be read without waiting. */
  readsAtOnce: (index: number) => boolean = () => false;
  readonly #chunks = new Map<string, Uint8Array>();
  readonly #lists = new Map<string, ChunkMeta[]>();

  put(bytes: Uint8Array): B3Digest {
    const list: ChunkMeta[] = [];
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const chunk = bytes.subarray(at, at + 100_000 + (i % 3) * 77_777);
      const digest = hashBytes(chunk);
      this.#chunks.set(digest.key, chunk);
      list.push({ digest, size: chunk.length });
      at += chunk.length;
    }
    const digest = hashBytes(bytes);
    this.#lists.set(digest.key, list);
    return digest;
  }

  async getMany(
    digests: readonly B3Digest[],
  ): Promise<(Uint8Array | undefined)[]> {
    this.fetched.push(...digests.map(({ key }) => key));
    return digests.map(({ key }) => this.#chunks.get(key)?.slice());
  }

  readPart(digest: B3Digest, place: BlobPlace, into: Uint8Array): boolean {
    const index = [...this.#chunks.keys()].indexOf(digest.key);
    if (!this.readsAtOnce(index)) return false;
    const chunk = this.#chunks.get(digest.key)!;
    expect(place.size).toBe(chunk.length);
    into.set(chunk.subarray(place.offset, place.offset + into.length));
    return true;
  }

  async chunks(digest: B3Digest): Promise<readonly ChunkMeta[] | undefined> {
    return this.#lists.get(digest.key);
  }

  range(): Promise<undefined> {
    throw new Error('chunks have digests of their own');
  }
}

describe('BlobCache', () => {
  it('reads a blob by its chunks, each fetched once', async () => {
    const bytes = contents(3_000_000);
    const source = new ChunkedSource();
    const digest = source.put(bytes);
    const cache = new BlobCache(source, 10_000_000);
    for (const [offset, length] of [
      [1_500_000, 1],
      [99_999, 2],
      [0, 3_000_000],
      [2_999_999, 1],
      [500_000, 1_000_000],
    ] as const)
      expect(
        (await read(cache, digest, bytes.length, offset, length)).equals(
          bytes.subarray(offset, offset + length),
        ),
      ).toBe(true);
    expect(new Set(source.fetched).size).toBe(source.fetched.length);
  });

  it('fetches one chunk for a read in the middle, and some ahead for one that goes on', async () => {
    const bytes = contents(5_000_000);
    const source = new ChunkedSource();
    const digest = source.put(bytes);
    const cache = new BlobCache(source, 10_000_000);
    await read(cache, digest, bytes.length, 2_500_000, 4096);
    expect(source.fetched.length).toBe(1);
    await read(cache, digest, bytes.length, 2_504_096, 4096);
    expect(source.fetched.length).toBeGreaterThan(2);
  });

  it('leaves to the store what that reads at once, and fetches the rest', async () => {
    const bytes = contents(3_000_000);
    const source = new ChunkedSource();
    const digest = source.put(bytes);
    const blob = { digest, size: bytes.length };
    const spilled: string[] = [];
    const cache = new BlobCache(source, 10_000_000, {
      put: (key) => void spilled.push(key),
      get: () => undefined,
      close: () => undefined,
    });
    const into = new Uint8Array(50_000);
    expect(cache.fill(blob, 0, into)).toBe(false);
    await cache.load(blob, 0, into.length);

    const fetched = source.fetched.length;
    source.readsAtOnce = (index) => index !== 15;
    let sound = 0;
    let loaded = 0;
    for (let at = 0; at < bytes.length; at += into.length) {
      if (cache.fill(blob, at, into)) sound++;
      else {
        loaded++;
        const parts = await cache.load(blob, at, into.length);
        into.set(Buffer.concat(parts));
      }
      expect(
        Buffer.from(into).equals(bytes.subarray(at, at + into.length)),
      ).toBe(true);
    }
    expect(sound).toBeGreaterThan(50);
    expect(loaded).toBeGreaterThan(0);
    // What is fetched beside it is what a reader that goes forward has fetched ahead.
    expect(source.fetched.length - fetched).toBeLessThan(8);
    expect(spilled).toEqual([]);
  });

  it('keeps no more than it may', async () => {
    const bytes = contents(5_000_000);
    const source = new ChunkedSource();
    const digest = source.put(bytes);
    const cache = new BlobCache(source, 1_000_000);
    for (let at = 0; at < bytes.length; at += 131_072) {
      const length = Math.min(131_072, bytes.length - at);
      await read(cache, digest, bytes.length, at, length);
      expect(cache.bytes).toBeLessThanOrEqual(1_000_000);
    }
  });

  it('refuses chunks that do not add up to the size', async () => {
    const source = new ChunkedSource();
    const digest = source.put(contents(1_000_000));
    const cache = new BlobCache(source, 1_000_000);
    await expect(
      cache.load({ digest, size: 999_999 }, 0, 1),
    ).rejects.toMatchObject({ code: 'EIO' });
  });

  it('asks for what many want at once in one call, and tells only the one whose blob is broken', async () => {
    const calls: number[] = [];
    const good = [contents(10), contents(20), contents(30)];
    const bad = hashBytes(Buffer.from('bad'));
    const source: BlobSource = {
      async getMany(digests) {
        calls.push(digests.length);
        if (digests.some((digest) => digest.equals(bad)))
          throw new Error('corrupt');
        return digests.map((digest) =>
          good.find((bytes) => hashBytes(bytes).equals(digest)),
        );
      },
      chunks: async () => [],
      range: async () => undefined,
    };
    const cache = new BlobCache(source, 1_000_000);
    const results = await Promise.allSettled([
      ...good.map((bytes) =>
        cache.load(
          { digest: hashBytes(bytes), size: bytes.length },
          0,
          bytes.length,
        ),
      ),
      cache.load({ digest: bad, size: 3 }, 0, 3),
    ]);
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
    ]);
    expect(calls).toEqual([4, 1, 1, 1, 1]);
  });
});

describe('ServiceBlobSource over a store that can only read forward', () => {
  interface Setup {
    readonly source: ServiceBlobSource;
    readonly digest: B3Digest;
    readonly bytes: Buffer;
    readonly open: () => number;
    readonly opened: () => number;
  }

  async function forwardOnly(length: number): Promise<Setup> {
    const memory = new MemoryBlobService();
    const bytes = contents(length);
    const writer = memory.openWrite();
    await writer.write(bytes);
    const digest = await writer.close();
    let open = 0;
    let opened = 0;
    const blobs: ReadableBlobs = {
      capabilities: { chunks: false, ranges: false },
      getMany: (digests) => memory.getMany(digests),
      stat: (wanted) => memory.stat(wanted),
      async openRead(wanted) {
        const reader = await memory.openRead(wanted);
        if (reader === undefined) return undefined;
        open++;
        opened++;
        const close = async (): Promise<void> => {
          open--;
          await reader.close();
        };
        return {
          size: undefined,
          read: (range) => reader.read(range),
          close,
          [Symbol.asyncDispose]: close,
        } satisfies BlobReader;
      },
    };
    return {
      source: new ServiceBlobSource(blobs),
      digest,
      bytes,
      open: () => open,
      opened: () => opened,
    };
  }

  it('reads parts that follow each other from one stream', async () => {
    const { source, digest, bytes, open, opened } = await forwardOnly(500_000);
    for (let at = 0; at < 500_000; at += 70_000) {
      const part = await source.range(digest, at, 60_000);
      expect(Buffer.from(part!).equals(bytes.subarray(at, at + 60_000))).toBe(
        true,
      );
    }
    expect(opened()).toBe(1);
    expect(await source.range(digest, 450_000, 60_000)).toHaveLength(50_000);
    await source.close();
    expect(open()).toBe(0);
  });

  it('starts again for a part that lies behind', async () => {
    const { source, digest, bytes, open, opened } = await forwardOnly(500_000);
    for (const at of [400_000, 100_000, 200_000, 0]) {
      const part = await source.range(digest, at, 1000);
      expect(Buffer.from(part!).equals(bytes.subarray(at, at + 1000))).toBe(
        true,
      );
    }
    expect(opened()).toBe(3);
    expect(open()).toBe(1);
    await source.close();
    expect(open()).toBe(0);
  });

  it('serves readers at different places at once', async () => {
    const { source, digest, bytes, open } = await forwardOnly(500_000);
    const places = [0, 300_000, 100_000, 450_000, 50_000];
    const parts = await Promise.all(
      places.map((at) => source.range(digest, at, 1000)),
    );
    parts.forEach((part, i) =>
      expect(
        Buffer.from(part!).equals(
          bytes.subarray(places[i]!, places[i]! + 1000),
        ),
      ).toBe(true),
    );
    await source.close();
    expect(open()).toBe(0);
  });

  it('answers undefined for a blob that is not there', async () => {
    const { source } = await forwardOnly(10);
    const nothing = hashBytes(Buffer.from('nothing'));
    expect(await source.range(nothing, 0, 1)).toBeUndefined();
  });
});
