/** What the writers of a busy store put there: everything follows from a number, so that whoever checks can make it again. */
import { Directory, hashBytes, pathComponent } from '@tvix/castore';
import type { LocalStoreOptions, Node } from '@tvix/castore';
import { StorePath } from '@tvix/nar';
import { PathInfo } from '../../src/path-info/path-info.ts';

/** Small packs and chunks: packs are sealed, emptied and removed all the time, and blobs of some size have a recipe. */
export const BUSY_OPTIONS: LocalStoreOptions = {
  reserveBytes: 0,
  packTargetBytes: 40_000,
  threads: 0,
  chunking: {
    algorithm: 'fastcdc-2020',
    minBytes: 1024,
    averageBytes: 4096,
    maxBytes: 8192,
  },
};

/** Ten hours pass from one run of the program to the next: what a run left as garbage the next one collects. */
export function busyClock(run: number): () => number {
  return () => Date.UTC(2026, 0, 1) + run * 10 * 3_600_000;
}

/** A tree of three files in two directories, with the name that it is registered by. */
export interface BusyTree {
  readonly blobs: readonly Uint8Array[];
  /** Children first. */
  readonly directories: readonly Directory[];
  readonly pathInfo: PathInfo;
}

/** A blob of its own, small or large enough to be cut; one that many trees share; and one that compresses. */
export function busyTree(seed: number): BusyTree {
  const blobs = [
    busyBlob(seed),
    seededBytes(2000, seed % 5),
    Buffer.from(`line ${seed}\n`.repeat(seed % 100)),
  ];
  const files = blobs.map((bytes): Node => ({
    type: 'file',
    digest: hashBytes(bytes),
    size: BigInt(bytes.length),
    executable: false,
  }));
  const inner = directoryOf(files.slice(0, 2));
  const { digest, size } = inner;
  const root = directoryOf([{ type: 'directory', digest, size }, files[2]!]);
  const node: Node = {
    type: 'directory',
    digest: root.digest,
    size: root.size,
  };
  return {
    blobs,
    directories: [inner, root],
    pathInfo: PathInfo.createBare(busyPath(seed), node),
  };
}

/** The store path of a tree; its name tells the number. */
export function busyPath(seed: number): StorePath {
  return StorePath.fromNameAndDigest(`busy-${seed}`, seededBytes(20, seed));
}

/** The number of a tree by its store path. */
export function seedOf({ storePath }: PathInfo): number {
  return Number(storePath.name.slice('busy-'.length));
}

/** Every thirteenth is larger than a chunk. */
export function busyBlob(seed: number): Uint8Array {
  return seededBytes(seed % 13 === 0 ? 20_000 : seed % 3000, seed);
}

/** Bytes that a seed gives each time anew (xorshift32). */
function seededBytes(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  for (let i = 0; i < length; i += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
}

function directoryOf(nodes: readonly Node[]): Directory {
  return Directory.fromEntries(
    nodes.map((node, i) => ({ name: pathComponent(`n${i}`), node })),
  );
}
