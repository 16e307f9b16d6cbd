import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import {
  Directory,
  MemoryBlobService,
  MemoryDirectoryService,
  pathComponent,
} from '@tvix/castore';
import type { B3Digest, BlobFiller, Node } from '@tvix/castore';
import { seededBytes } from '@tvix/castore/conformance';
import { RenderBuffers } from '../../src/nar/render-buffers.ts';
import { renderNar } from '../../src/nar/render.ts';
import { collect } from '../fixtures.ts';

/** Blobs that are put to their places by somebody else, when it is let. */
class BlobsElsewhere extends MemoryBlobService {
  readonly #waiting: (() => void)[] = [];
  /** Whether each batch waits for {@link letOne}. */
  isHeld = false;
  batches = 0;
  damaged: B3Digest | undefined;

  openFiller(): BlobFiller {
    let places: [B3Digest, Uint8Array][] = [];
    return {
      add: (digest, into) => {
        expect(into.buffer).toBeInstanceOf(SharedArrayBuffer);
        into.fill(0xaa);
        places.push([digest, into]);
        return true;
      },
      fill: async () => {
        const mine = places;
        places = [];
        this.batches += 1;
        await turn();
        if (this.isHeld)
          await new Promise<void>((resolve) => this.#waiting.push(resolve));
        for (const [digest, into] of mine) {
          if (this.damaged?.equals(digest)) throw new Error('it is damaged');
          expect(this.readWhole(digest, into)).toBe(true);
        }
      },
    };
  }

  get held(): number {
    return this.#waiting.length;
  }

  letOne(): void {
    this.#waiting.shift()!();
  }
}

function storage(): {
  blobs: BlobsElsewhere;
  directories: MemoryDirectoryService;
} {
  return {
    blobs: new BlobsElsewhere(),
    directories: new MemoryDirectoryService(),
  };
}

/** Some 9 MB: many files, of which a few are longer than a buffer. */
async function tree({ blobs, directories }: ReturnType<typeof storage>) {
  const contents = Array.from({ length: 200 }, (_, i) =>
    seededBytes(i % 70 === 60 ? 700_000 : 211 * i, i + 1),
  );
  const digests = await blobs.putMany(contents);
  const directory = Directory.fromEntries(
    digests.map((digest, i) => ({
      name: pathComponent(`f${String(i).padStart(3, '0')}`),
      node: {
        type: 'file',
        digest,
        size: BigInt(contents[i]!.length),
        executable: false,
      },
    })),
  );
  await directories.put(directory);
  const { digest, size } = directory;
  const node: Node = { type: 'directory', digest, size };
  return { node, digests };
}

/** Takes a turn until there is nothing more to be done. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await turn();
}

describe('an archive of which parts are filled ahead', () => {
  it('is the same, with buffers that are given back at once', async () => {
    const from = storage();
    const { node } = await tree(from);
    const plain = await collect(renderNar(node, from));
    expect(from.blobs.batches).toBe(0);
    const buffers = new RenderBuffers();
    const pieces: Buffer[] = [];
    for await (const piece of renderNar(node, from, { buffers })) {
      pieces.push(Buffer.from(piece));
      piece.fill(0xff);
      buffers.give(piece);
    }
    expect(Buffer.compare(Buffer.concat(pieces), plain)).toBe(0);
    expect(from.blobs.batches).toBeGreaterThan(5);
  });

  it('is told no further than it is filled, and filled no more than a few parts ahead', async () => {
    const from = storage();
    const { node } = await tree(from);
    const plain = await collect(renderNar(node, from));
    from.blobs.isHeld = true;
    const buffers = new RenderBuffers();
    const pieces = renderNar(node, from, { buffers });
    let told = 0;
    let most = 0;
    for (;;) {
      const next = pieces.next();
      await settle();
      most = Math.max(most, from.blobs.held);
      while (from.blobs.held > 0) {
        from.blobs.letOne();
        await settle();
      }
      const { value, done } = await next;
      if (done) break;
      const piece = value as Uint8Array;
      const expected = plain.subarray(told, told + piece.length);
      expect(Buffer.compare(piece, expected)).toBe(0);
      told += piece.length;
    }
    expect(told).toBe(plain.length);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(4);
  });

  it('ends where a part cannot be filled, after all that comes before it', async () => {
    const from = storage();
    const { node, digests } = await tree(from);
    const plain = await collect(renderNar(node, from));
    from.blobs.damaged = digests[150]!;
    const buffers = new RenderBuffers();
    let told = 0;
    const take = async (): Promise<void> => {
      for await (const piece of renderNar(node, from, { buffers })) {
        const expected = plain.subarray(told, told + piece.length);
        expect(Buffer.compare(piece, expected)).toBe(0);
        told += piece.length;
      }
    };
    await expect(take()).rejects.toThrow('it is damaged');
    expect(told).toBeGreaterThan(1_000_000);
    expect(told).toBeLessThan(plain.length);
  });

  it('that nobody takes any more gives back its buffers, those that are being filled after that', async () => {
    const from = storage();
    const { node } = await tree(from);
    const buffers = new RenderBuffers();
    const given: Uint8Array[] = [];
    const give = buffers.give.bind(buffers);
    buffers.give = (piece) => {
      given.push(piece);
      give(piece);
    };
    from.blobs.isHeld = true;
    const pieces = renderNar(node, from, { buffers });
    for (let isLeft = false; !isLeft;) {
      const next = pieces.next();
      await settle();
      isLeft = from.blobs.held > 2;
      do {
        if (from.blobs.held > 0) from.blobs.letOne();
        await settle();
      } while (!isLeft && from.blobs.held > 0);
      await next;
    }
    const leaving = pieces.return();
    await settle();
    const before = given.length;
    expect(from.blobs.held).toBeGreaterThan(0);
    while (from.blobs.held > 0) {
      from.blobs.letOne();
      await settle();
    }
    await leaving;
    expect(given.length).toBeGreaterThan(before);
  });

  it('is filled at once where too many are filled ahead already, and ahead again when those are done', async () => {
    const from = storage();
    const { node } = await tree(from);
    const plain = await collect(renderNar(node, from));
    const buffers = new RenderBuffers();
    let others = 0;
    while (buffers.beginAhead()) others += 1;
    const all = (): Promise<Uint8Array> =>
      collect(renderNar(node, from, { buffers }));
    expect(Buffer.compare(await all(), plain)).toBe(0);
    expect(from.blobs.batches).toBe(0);
    for (; others > 0; others--) buffers.endAhead();
    expect(Buffer.compare(await all(), plain)).toBe(0);
    expect(from.blobs.batches).toBeGreaterThan(5);
    // What was begun was ended.
    let free = 0;
    while (buffers.beginAhead()) free += 1;
    expect(free).toBe(32);
  });
});
