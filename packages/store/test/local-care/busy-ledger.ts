import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  hashBytes,
  LocalBlobService,
  LocalDirectoryService,
  openLocalStore,
  verifyLocalStore,
} from '@tvix/castore';
import type { BlobService } from '@tvix/castore';
import { LocalPathInfoService } from '../../src/path-info-service/local.ts';
import {
  BUSY_OPTIONS,
  busyBlob,
  busyClock,
  busyTree,
  seedOf,
} from './busy-trees.ts';

/** What a busy store told of, to be held against what is in it. */
export class BusyLedger {
  readonly #registered = new Set<number>();
  readonly #forgotten = new Set<number>();
  /** Those of the last run alone: nothing leads to them, so that the next one may collect them. */
  #blobs = new Set<number>();
  acknowledged = 0;
  /** That a collection took out of service. */
  removedPacks = 0;
  #packs: readonly string[] = [];
  slowestReadyMs = 0;
  /** Of processors' time: what others do on the same machine doesn't count. */
  slowestReadyCpuMs = 0;
  readonly failures: string[] = [];
  /** An index that is made again from the packs leads to garbage again, of which parts may be gone. */
  wasRebuilt = false;

  /** In a sentence. */
  summary(): string {
    return `${this.acknowledged} acknowledged, none lost; ${this.removedPacks} packs collected; opened within ${this.slowestReadyMs} ms, ${this.slowestReadyCpuMs} ms of a processor`;
  }

  /** Takes down what one run told. */
  note(lines: readonly string[]): void {
    this.#blobs = new Set();
    for (const line of lines) {
      const seed = Number(line.slice(1));
      if (line.startsWith('+')) this.#registered.add(seed);
      else if (line.startsWith('?')) this.#registered.delete(seed);
      else if (line.startsWith('-')) this.#forgotten.add(seed);
      else if (line.startsWith('b')) this.#blobs.add(seed);
      if (/^[+b-]/.test(line)) this.acknowledged += 1;
      const [word, value, cpuMs] = line.split(' ') as [string, string, string];
      if (word === 'failed') this.failures.push(value);
      if (word !== 'ready') continue;
      this.slowestReadyMs = Math.max(this.slowestReadyMs, Number(value));
      this.slowestReadyCpuMs = Math.max(this.slowestReadyCpuMs, Number(cpuMs));
    }
  }

  /**
   * Holds the store against it, as it lies there, before anybody recovers it: what was acknowledged is there to the
   * byte, what was forgotten is gone, whatever has a name is whole, and all is sound. Throws where that isn't so.
   */
  async check(directory: string, run: number): Promise<void> {
    await using store = await openLocalStore(directory, {
      ...BUSY_OPTIONS,
      readOnly: true,
      now: busyClock(run),
    });
    const packs = packFiles(directory);
    this.removedPacks += this.#packs.filter((p) => !packs.includes(p)).length;
    this.#packs = packs;
    await verifyLocalStore(store, {
      onDamage: ({ what, fault, message }) => {
        if (this.wasRebuilt && fault === 'incomplete') return;
        throw new Error(`${what} ${fault}: ${message}`);
      },
    });
    const blobs = new LocalBlobService(store);
    const directories = new LocalDirectoryService(store);
    const found = new Set<number>();
    for await (const pathInfo of new LocalPathInfoService(store).list()) {
      const seed = seedOf(pathInfo);
      found.add(seed);
      const tree = busyTree(seed);
      await assertBlobs(blobs, tree.blobs);
      for (const { digest } of tree.directories)
        if ((await directories.get(digest)) === undefined)
          throw new Error(`tree ${seed} lost a directory`);
    }
    for (const seed of this.#registered)
      if (!found.has(seed)) throw new Error(`tree ${seed} is lost`);
    for (const seed of this.#forgotten)
      if (found.has(seed)) throw new Error(`tree ${seed} came back`);
    // What was cut off between the question and the answer may have happened.
    for (const seed of found) this.#registered.add(seed);
    await assertBlobs(blobs, [...this.#blobs].map(busyBlob));
  }
}

function packFiles(directory: string): string[] {
  return readdirSync(join(directory, 'packs'), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.pack'));
}

/** Throws where a blob isn't there to the byte. */
export async function assertBlobs(
  blobs: Pick<BlobService, 'getMany'>,
  expected: readonly Uint8Array[],
): Promise<void> {
  const digests = expected.map((bytes) => hashBytes(bytes));
  const found = await blobs.getMany(digests);
  for (const [i, bytes] of found.entries())
    if (bytes === undefined || Buffer.compare(bytes, expected[i]!) !== 0)
      throw new Error(`blob ${digests[i]!.toString()} is lost`);
}
