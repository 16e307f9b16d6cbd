import { hashBytes } from '../../../src/digest/hasher.ts';
import type { LocalStoreOptions } from '../../../src/local-store/open-local-store.ts';
import type { Directory } from '../../../src/node/directory.ts';
import { randomBytes } from '../../blob-service/random-bytes.ts';
import { directoryOf, fileNode } from './clocked-store.ts';

export const OPTIONS: LocalStoreOptions = {
  reserveBytes: 0,
  packTargetBytes: 100_000,
  compressionThreads: 0,
};

/** A blob of its own, and one that many trees share. */
export function contentOf(seed: number): Buffer[] {
  return [randomBytes(seed % 7000, seed), randomBytes(2000, seed % 5)];
}

/** The directory of both. */
export function rootOf(seed: number): Directory {
  return directoryOf(
    contentOf(seed).map((bytes) => fileNode(hashBytes(bytes), bytes.length)),
  );
}
