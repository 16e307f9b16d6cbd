/**
 * Clients that store, look for, read and register trees while collections run, in an order that a seed decides. A clock
 * of its own, an index in memory, and a file system that answers when the seed says.
 */
import fs from 'node:fs';
import { hashBytes } from '../../../src/digest/hasher.ts';
import {
  type FileSystem,
  nodeFileSystem,
} from '../../../src/local-store/file-system.ts';
import { IndexSpace } from '../../../src/local-store/index/store-index.ts';
import type { Directory } from '../../../src/node/directory.ts';
import type { Node } from '../../../src/node/node.ts';
import { randomBytes } from '../../blob-service/random-bytes.ts';
import {
  ClockedStore,
  directoryNode,
  directoryOf,
  fileNode,
} from './clocked-store.ts';
import { randomNumbers } from '../../support/random-numbers.ts';
import { MemoryIndex } from './memory-index.ts';

const CLIENTS = 3;
const STEPS = 12;
/** Few, so that the trees share them. */
const BLOBS = 4;

const GRACE_HOURS = 12;
const GRACE_MS = GRACE_HOURS * 3_600_000;

/** What of a client's tree has to be there: blobs and directories, children first. */
interface Tree {
  readonly blobs: readonly Buffer[];
  readonly inner: Directory;
  readonly root: Directory;
}

/** Runs one simulation, and throws where a rule was broken. */
export async function simulate(seed: number): Promise<void> {
  const simulation = await Simulation.create(seed);
  try {
    await simulation.run();
  } finally {
    await simulation.store.temporary.destroy();
  }
}

class Simulation {
  readonly store: ClockedStore;
  readonly #random: () => number;
  /** Registered trees: the roots of every collection. */
  readonly #roots = new Map<string, Tree>();
  #collections = 0;
  #passedHours = 0;
  /** Those under way, each with the hours that had passed when it began. */
  readonly #uploads = new Set<{ readonly startedHours: number }>();
  #isOver = false;

  private constructor(store: ClockedStore, random: () => number) {
    this.store = store;
    this.#random = random;
  }

  static async create(seed: number): Promise<Simulation> {
    const random = randomNumbers(seed);
    const pause = async (): Promise<void> => {
      for (let turns = Math.floor(4 * random()); turns > 0; turns -= 1)
        await new Promise((resolve) => setImmediate(resolve));
    };
    const store = await ClockedStore.create({
      packTargetBytes: 4000,
      fileSystem: pausingFileSystem(pause),
      openIndex: () => new MemoryIndex(pause),
    });
    return new Simulation(store, random);
  }

  async run(): Promise<void> {
    const clients = Array.from({ length: CLIENTS }, () => this.#client());
    const collector = this.#collector();
    await Promise.all(clients).finally(() => {
      this.#isOver = true;
    });
    await collector;
    await this.#settle();
  }

  async #client(): Promise<void> {
    for (let step = 0; step < STEPS; step += 1) {
      const tree = this.#tree();
      const choice = this.#random();
      if (choice < 0.5) {
        const started = { startedHours: this.#passedHours };
        this.#uploads.add(started);
        await this.#upload(tree);
        this.#roots.set(nameOf(tree), tree);
        this.#uploads.delete(started);
        await this.#assertStored(tree, 'a tree that was just registered');
      } else if (choice < 0.7) {
        const [name] = this.#roots.keys();
        if (name !== undefined) this.#roots.delete(name);
      } else if (choice < 0.85) {
        for (const known of this.#roots.values())
          await this.#assertStored(known, 'a registered tree');
      } else await this.#passTime();
    }
  }

  #passTime(): Promise<void> {
    return this.store.passHours(() => {
      // No upload takes longer than the grace promises.
      const oldest = Math.min(
        this.#passedHours,
        ...[...this.#uploads].map(({ startedHours }) => startedHours),
      );
      const room = GRACE_HOURS - 1 - (this.#passedHours - oldest);
      const hours = Math.min(room, 8 * this.#random());
      this.#passedHours += hours;
      return hours;
    });
  }

  /** As a client uploads: what it was told is there it doesn't send. */
  async #upload({ blobs, inner, root }: Tree): Promise<void> {
    const trusts = this.#random() < 0.4;
    const known = trusts && (await this.store.directories.get(root.digest));
    // A client that trusts a directory which is there to have its parts is right to.
    if (known) return this.#outlastCollection();
    const digests = blobs.map((bytes) => hashBytes(bytes));
    const missing = await this.store.blobs.findMissing(digests);
    for (const [i, bytes] of blobs.entries()) {
      await this.#pause();
      if (missing.some((digest) => digest.equals(digests[i]!)))
        await this.store.blobs.putMany([bytes]);
    }
    for (const directory of [inner, root]) {
      await this.#pause();
      const { directories } = this.store;
      if ((await directories.get(directory.digest)) === undefined)
        await directories.put(directory);
    }
  }

  /** A collection begins and ends while the upload is under way. */
  async #outlastCollection(): Promise<void> {
    const before = this.#collections;
    while (this.#collections < before + 2)
      await new Promise((resolve) => setImmediate(resolve));
  }

  async #assertStored(tree: Tree, what: string): Promise<void> {
    for (const bytes of tree.blobs) {
      const [found] = await this.store.blobs.getMany([hashBytes(bytes)]);
      if (found === undefined || Buffer.compare(found, bytes) !== 0)
        throw new Error(`${what} lost a blob`);
    }
    for (const { digest } of [tree.inner, tree.root])
      if ((await this.store.directories.get(digest)) === undefined)
        throw new Error(`${what} lost a directory`);
  }

  async #collector(): Promise<void> {
    while (!this.#isOver) {
      await this.#pause();
      await this.store.collect(this.#liveRoots(), { graceMs: GRACE_MS });
      this.#collections += 1;
    }
  }

  /** Two passes with nobody about leave what the roots lead to, and nothing else. */
  async #settle(): Promise<void> {
    for (const tree of this.#roots.values())
      await this.#assertStored(tree, 'a registered tree');
    for (let pass = 0; pass < 2; pass += 1) {
      await this.store.passHours(GRACE_HOURS + 1);
      await this.store.collect(this.#liveRoots(), { graceMs: GRACE_MS });
    }
    const expected = new Set<string>();
    for (const tree of this.#roots.values()) {
      for (const bytes of tree.blobs) expected.add(`1${hashBytes(bytes).key}`);
      expected.add(`3${tree.inner.digest.key}`);
      expected.add(`3${tree.root.digest.key}`);
    }
    const start = Buffer.of(IndexSpace.chunk);
    const end = Buffer.of(IndexSpace.tables);
    const left = this.store.local.interior.index.range({ start, end });
    if (left.length !== expected.size)
      throw new Error(`${left.length} objects left of ${expected.size}`);
    for (const tree of this.#roots.values())
      await this.#assertStored(tree, 'a registered tree');
  }

  async *#liveRoots(): AsyncGenerator<Node> {
    for (const { root } of [...this.#roots.values()]) {
      await this.#pause();
      yield directoryNode(root);
    }
  }

  #tree(): Tree {
    const blobs = [0, 1, 2].map(() =>
      randomBytes(300, 1 + Math.floor(BLOBS * this.#random())),
    );
    const files = blobs.map((bytes) =>
      fileNode(hashBytes(bytes), bytes.length),
    );
    const inner = directoryOf(files.slice(0, 2));
    const root = directoryOf([directoryNode(inner), files[2]!]);
    return { blobs, inner, root };
  }

  async #pause(): Promise<void> {
    for (let turns = Math.floor(4 * this.#random()); turns > 0; turns -= 1)
      await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The real one, without waiting for the device. */
function pausingFileSystem(pause: () => Promise<void>): FileSystem {
  return {
    ...nodeFileSystem,
    writev: async (fd, buffers, position) => {
      await pause();
      return fs.writevSync(fd, buffers as Uint8Array[], position);
    },
    fdatasync: pause,
    fsync: pause,
    ftruncate: async (fd, length) => {
      await pause();
      fs.ftruncateSync(fd, length);
    },
  };
}

function nameOf(tree: Tree): string {
  return tree.root.digest.key;
}
