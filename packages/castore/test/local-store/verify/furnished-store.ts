import fs from 'node:fs';
import path from 'node:path';
import { LocalBlobService } from '../../../src/blob-service/local.ts';
import { hashBytes } from '../../../src/digest/hasher.ts';
import { LocalDirectoryService } from '../../../src/directory-service/local.ts';
import type { LocalStore } from '../../../src/local-store/local-store.ts';
import {
  type LocalStoreOptions,
  openLocalStore,
} from '../../../src/local-store/open/open-local-store.ts';
import type { Directory } from '../../../src/node/directory.ts';
import { randomBytes } from '../../blob-service/random-bytes.ts';
import { directoryOf, fileNode } from '../collect/clocked-store.ts';
import { memoryDirectory } from '../../support/memory-directory.ts';

export const OPTIONS: LocalStoreOptions = {
  reserveBytes: 0,
  threads: 0,
  packTargetBytes: 60_000,
};

/** Small blobs of which half compress, one that is cut into chunks, directories of them, and a table. */
export class Furniture {
  readonly blobs: readonly Buffer[] = [
    ...Array.from({ length: 40 }, (_, i) =>
      i % 2 === 0 ? randomBytes(100 + 200 * i, i) : text(i),
    ),
    randomBytes(700_000, 99),
  ];
  readonly directories: readonly Directory[] = Array.from(
    { length: 10 },
    (_, i) =>
      directoryOf(
        this.blobs
          .slice(4 * i, 4 * i + 4)
          .map((bytes) => fileNode(hashBytes(bytes), bytes.length)),
      ),
  );

  /** Stores everything, in several packs. */
  async put(store: LocalStore): Promise<void> {
    const blobs = new LocalBlobService(store);
    for (let at = 0; at < this.blobs.length; at += 5)
      await blobs.putMany(this.blobs.slice(at, at + 5));
    const directories = new LocalDirectoryService(store);
    for (const directory of this.directories) await directories.put(directory);
    const table = store.table('names');
    for (const [i, bytes] of this.blobs.entries())
      await table.put(Buffer.of(i), bytes.subarray(0, 2000));
  }

  /** Reads everything: how much is there and right. Fails where something else is served. */
  async read(store: LocalStore): Promise<{ right: number; damaged: number }> {
    const count = { right: 0, damaged: 0 };
    const blobs = new LocalBlobService(store);
    const directories = new LocalDirectoryService(store);
    const table = store.table('names');
    const look = async (
      expected: Uint8Array,
      get: () => Promise<Uint8Array | undefined>,
    ): Promise<void> => {
      let found: Uint8Array | undefined;
      try {
        found = await get();
      } catch (error) {
        if ((error as { kind?: unknown }).kind !== 'corrupt') throw error;
      }
      if (found !== undefined && Buffer.compare(found, expected) !== 0)
        throw new Error('wrong bytes were served');
      if (found === undefined) count.damaged += 1;
      else count.right += 1;
    };
    for (const [i, bytes] of this.blobs.entries()) {
      await look(
        bytes,
        async () => (await blobs.getMany([hashBytes(bytes)]))[0],
      );
      const value = bytes.subarray(0, 2000);
      await look(value, async () => table.get(Buffer.of(i)));
    }
    for (const directory of this.directories)
      await look(directory.encode(), async () =>
        (await directories.get(directory.digest))?.encode(),
      );
    return count;
  }

  get size(): number {
    return 2 * this.blobs.length + this.directories.length;
  }
}

/** A directory with the store of a furniture, closed, to be copied for each trial. */
export async function furnishedDirectory(
  furniture: Furniture,
): Promise<string> {
  const directory = fs.mkdtempSync(path.join(memoryDirectory(), 'furnished-'));
  const store = await openLocalStore(directory, OPTIONS);
  await furniture.put(store);
  await store.close();
  return directory;
}

function text(seed: number): Buffer {
  return Buffer.from(`line ${seed}\n`.repeat(20 * seed));
}
