import { describe, expect, it } from '@jest/globals';
import {
  Directory,
  MemoryBlobService,
  MemoryDirectoryService,
  nodesEqual,
  pathComponent,
  symlinkTarget,
} from '@tvix/castore';
import type { Node } from '@tvix/castore';
import fc from 'fast-check';
import { NarDigester } from '../../src/nar/digester.ts';
import { ingestNar } from '../../src/nar/ingest.ts';
import { renderNar } from '../../src/nar/render.ts';
import { RenderingNarCalculation } from '../../src/nar/rendering-calculation.ts';
import { collect, hex } from '../fixtures.ts';

type Tree =
  | { readonly type: 'symlink'; readonly target: Uint8Array }
  | {
      readonly type: 'file';
      readonly contents: Uint8Array;
      readonly executable: boolean;
    }
  | {
      readonly type: 'directory';
      readonly entries: readonly (readonly [Uint8Array, Tree])[];
    };

const name = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .filter(
    (bytes) =>
      !bytes.includes(0) &&
      !bytes.includes(0x2f) &&
      !['.', '..'].includes(String.fromCharCode(...bytes)),
  );

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({
      type: fc.constant('symlink' as const),
      target: fc
        .uint8Array({ minLength: 1, maxLength: 40 })
        .filter((bytes) => !bytes.includes(0)),
    }),
    fc.record({
      type: fc.constant('file' as const),
      contents: fc.uint8Array({ maxLength: 300 }),
      executable: fc.boolean(),
    }),
    fc.record({
      type: fc.constant('directory' as const),
      entries: fc.uniqueArray(fc.tuple(name, tie('tree')), {
        maxLength: 6,
        selector: ([bytes]) => hex(bytes),
      }),
    }),
  ),
}));

function memoryStorage() {
  return {
    blobs: new MemoryBlobService(),
    directories: new MemoryDirectoryService(),
  };
}

async function store(
  from: Tree,
  storage: ReturnType<typeof memoryStorage>,
): Promise<Node> {
  switch (from.type) {
    case 'symlink':
      return { type: 'symlink', target: symlinkTarget(from.target) };
    case 'file': {
      const [digest] = await storage.blobs.putMany([from.contents]);
      return {
        type: 'file',
        digest: digest!,
        size: BigInt(from.contents.length),
        executable: from.executable,
      };
    }
    case 'directory': {
      const entries = [];
      for (const [bytes, child] of from.entries)
        entries.push({
          name: pathComponent(bytes),
          node: await store(child, storage),
        });
      const directory = Directory.fromEntries(entries);
      await storage.directories.put(directory);
      return {
        type: 'directory',
        digest: directory.digest,
        size: directory.size,
      };
    }
  }
}

/** Cuts bytes at the places that the numbers say, as often as they last. */
function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length]!;
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

describe('a tree', () => {
  it('comes back from its NAR as the same node, however the NAR is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        tree,
        fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1 }),
        async (from, lengths) => {
          const source = memoryStorage();
          const node = await store(from, source);
          const archive = await collect(renderNar(node, source));
          const ingested = await ingestNar(
            cut(archive, lengths),
            memoryStorage(),
          );
          expect(nodesEqual(ingested.node, node)).toBe(true);
          expect(ingested.narSize).toBe(BigInt(archive.length));
          const calculated = await new RenderingNarCalculation(
            source,
          ).calculateNar(node);
          expect(hex(calculated.narSha256)).toBe(hex(ingested.narSha256));
          expect(calculated.narSize).toBe(ingested.narSize);
        },
      ),
    );
  });
});

describe('NarDigester', () => {
  it('refuses to finish an unfinished tree', () => {
    const digester = new NarDigester();
    digester.write([{ type: 'directory' }]);
    expect(() => digester.finish()).toThrow(
      expect.objectContaining({ code: 'nar/invalid-input' }),
    );
  });
});
