import fs from 'node:fs';
import path from 'node:path';
import type { LocalStore } from '../../src/local-store/local-store.ts';
import {
  type LocalStoreOptions,
  openLocalStore,
} from '../../src/local-store/open/open-local-store.ts';
import { memoryDirectory } from '../support/memory-directory.ts';

/** A store in a directory of its own, small enough for tests. */
export class TemporaryStore {
  readonly directory: string;
  readonly #options: LocalStoreOptions;
  #store: LocalStore | undefined;

  private constructor(options: LocalStoreOptions) {
    this.directory = fs.mkdtempSync(
      path.join(memoryDirectory(), 'local-store-'),
    );
    this.#options = { reserveBytes: 0, ...options };
  }

  static async create(
    options: LocalStoreOptions = {},
  ): Promise<TemporaryStore> {
    const temporary = new TemporaryStore(options);
    await temporary.reopen();
    return temporary;
  }

  get store(): LocalStore {
    return this.#store!;
  }

  path(...parts: string[]): string {
    return path.join(this.directory, ...parts);
  }

  /** The pack files, in order of their creation. */
  packFiles(): string[] {
    const packs = this.path('packs');
    if (!fs.existsSync(packs)) return [];
    return fs
      .readdirSync(packs, { recursive: true })
      .map((name) => path.join(packs, String(name)))
      .filter((name) => name.endsWith('.pack'))
      .sort((a, b) => packNumber(a) - packNumber(b));
  }

  async close(): Promise<void> {
    await this.#store?.close();
  }

  async reopen(options: LocalStoreOptions = {}): Promise<LocalStore> {
    await this.close();
    this.#store = await openLocalStore(this.directory, {
      ...this.#options,
      ...options,
    });
    return this.#store;
  }

  async destroy(): Promise<void> {
    await this.close();
    fs.rmSync(this.directory, { recursive: true });
  }
}

function packNumber(file: string): number {
  const header = fs.readFileSync(file).subarray(0, 64);
  return header.length < 64 ? Infinity : header.readUInt32LE(12);
}
