import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  LocalBlobService,
  LocalDirectoryService,
  openLocalStore,
} from '@tvix/castore';
import type { LocalStore, LocalStoreOptions } from '@tvix/castore';
import { importPath } from '../../src/import/import-path.ts';
import type { PathInfo } from '../../src/path-info/path-info.ts';
import { LocalPathInfoService } from '../../src/path-info-service/local.ts';

/** A Nix store in a directory of its own, and a place for trees to import. */
export class LocalNixStore {
  readonly directory: string;
  readonly #options: LocalStoreOptions;
  localStore!: LocalStore;
  blobs!: LocalBlobService;
  directories!: LocalDirectoryService;
  pathInfos!: LocalPathInfoService;

  private constructor(directory: string, options: LocalStoreOptions) {
    this.directory = directory;
    this.#options = options;
  }

  static async create(options: LocalStoreOptions = {}): Promise<LocalNixStore> {
    const store = new LocalNixStore(
      await mkdtemp(join(tmpdir(), 'nix-store-')),
      { reserveBytes: 0, threads: 0, ...options },
    );
    await store.reopen();
    return store;
  }

  async reopen(options: LocalStoreOptions = {}): Promise<void> {
    await this.localStore?.close();
    this.localStore = await openLocalStore(join(this.directory, 'store'), {
      ...this.#options,
      ...options,
    });
    this.blobs = new LocalBlobService(this.localStore);
    this.directories = new LocalDirectoryService(this.localStore);
    this.pathInfos = new LocalPathInfoService(this.localStore);
  }

  /** Imports a directory of files, given by their paths in it. */
  async import(
    name: string,
    files: Readonly<Record<string, string | Uint8Array>>,
  ): Promise<PathInfo> {
    const root = join(this.directory, name);
    for (const [path, contents] of Object.entries(files)) {
      await mkdir(join(root, path, '..'), { recursive: true });
      await writeFile(join(root, path), contents);
    }
    return importPath(root, this);
  }

  async destroy(): Promise<void> {
    await this.localStore.close();
    await rm(this.directory, { recursive: true });
  }
}
