import { LocalBlobService } from '../../../src/blob-service/local.ts';
import type { B3Digest } from '../../../src/digest/b3-digest.ts';
import { LocalDirectoryService } from '../../../src/directory-service/local.ts';
import {
  collectGarbage,
  type CollectOptions,
  type CollectResult,
} from '../../../src/local-store/collect/collect-garbage.ts';
import type { LocalStore } from '../../../src/local-store/local-store.ts';
import type { LocalStoreOptions } from '../../../src/local-store/open/open-local-store.ts';
import { Directory } from '../../../src/node/directory.ts';
import type { Node } from '../../../src/node/node.ts';
import { pathComponent } from '../../../src/path/path-component.ts';
import { TemporaryStore } from '../temporary-store.ts';

/** A store whose clock stands still until it is told otherwise. */
export class ClockedStore {
  readonly temporary: TemporaryStore;
  readonly #clock: { ms: number };

  private constructor(temporary: TemporaryStore, clock: { ms: number }) {
    this.temporary = temporary;
    this.#clock = clock;
  }

  static async create(options: LocalStoreOptions = {}): Promise<ClockedStore> {
    const clock = { ms: Date.UTC(2026, 0, 1) };
    const temporary = await TemporaryStore.create({
      threads: 0,
      now: () => clock.ms,
      ...options,
    });
    return new ClockedStore(temporary, clock);
  }

  get local(): LocalStore {
    return this.temporary.store;
  }

  get blobs(): LocalBlobService {
    return new LocalBlobService(this.local);
  }

  get directories(): LocalDirectoryService {
    return new LocalDirectoryService(this.local);
  }

  /** What was used until now is written down first, as it is within a second; then the clock goes on, at once. */
  async passHours(hours: number | (() => number)): Promise<void> {
    await this.local.interior.writing?.touches.flush();
    const passed = typeof hours === 'number' ? hours : hours();
    this.#clock.ms += passed * 3_600_000;
  }

  async putBlob(bytes: Uint8Array): Promise<Node> {
    const writer = this.blobs.openWrite();
    await writer.write(bytes);
    return fileNode(await writer.close(), bytes.length);
  }

  /** A directory of nodes, named after their places. */
  async putDirectory(children: readonly Node[]): Promise<Node> {
    const directory = directoryOf(children);
    await this.directories.put(directory);
    return directoryNode(directory);
  }

  collect(
    roots: Iterable<Node> | AsyncIterable<Node>,
    options: Partial<CollectOptions> = {},
  ): Promise<CollectResult> {
    return collectGarbage(this.local, { roots: each(roots), ...options });
  }
}

export function directoryOf(children: readonly Node[]): Directory {
  return Directory.fromEntries(
    children.map((node, i) => ({
      name: pathComponent(Buffer.from(`n${i}`)),
      node,
    })),
  );
}

export function fileNode(digest: B3Digest, size: number): Node {
  return { type: 'file', digest, size: BigInt(size), executable: false };
}

export function directoryNode(directory: Directory): Node {
  const { digest, size } = directory;
  return { type: 'directory', digest, size };
}

async function* each<T>(
  values: Iterable<T> | AsyncIterable<T>,
): AsyncGenerator<T> {
  yield* values;
}
