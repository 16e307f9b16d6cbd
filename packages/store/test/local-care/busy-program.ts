/**
 * The program that is killed, or whose disk goes away: sixteen writers that store trees and register them, forget some,
 * and store blobs that nothing leads to, while garbage is collected all the time. It begins when it reads a line, and
 * writes one for whatever a client would have been told:
 *
 * | line | says |
 * | --- | --- |
 * | `waiting` | it can begin |
 * | `ready MS CPU` | the store is open and answered, after so many milliseconds and so many of processors' time |
 * | `+SEED` | a tree is stored and registered |
 * | `?SEED` | a tree is about to be forgotten |
 * | `-SEED` | it is |
 * | `bSEED` | a blob is stored |
 * | `failed CODE` | somebody was refused, and all stop; the exit code counts them |
 */
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import {
  LocalBlobService,
  LocalDirectoryService,
  openLocalStore,
} from '@tvix/castore';
import type { LocalStore } from '@tvix/castore';
import { randomNumbers } from '../../../castore/test/support/random-numbers.ts';
import { collectStore } from '../../src/local-care/collect.ts';
import { LocalPathInfoService } from '../../src/path-info-service/local.ts';
import {
  BUSY_OPTIONS,
  busyBlob,
  busyClock,
  busyPath,
  busyTree,
  seedOf,
} from './busy-trees.ts';

interface BusyStore {
  readonly localStore: LocalStore;
  readonly blobs: LocalBlobService;
  readonly directories: LocalDirectoryService;
  readonly pathInfos: LocalPathInfoService;
}

const WRITERS = 16;
/** As many trees of a writer stay registered at most. */
const MOST_TREES = 3;
/** That a writer leaves to the collection at most, between two writes. */
const TURNS = 100;
const LINES_BETWEEN_COLLECTIONS = 50;

const [directory, run] = process.argv.slice(2) as [string, string];
let failures = 0;
let told = 0;

tell('waiting');
await once(process.stdin, 'data');
process.stdin.destroy();
const startedMs = performance.now();
const startedCpu = process.cpuUsage();
await endure(work());
process.exitCode = failures;

async function work(): Promise<void> {
  const localStore = await openLocalStore(directory, {
    ...BUSY_OPTIONS,
    now: busyClock(Number(run)),
  });
  const store: BusyStore = {
    localStore,
    blobs: new LocalBlobService(localStore),
    directories: new LocalDirectoryService(localStore),
    pathInfos: new LocalPathInfoService(localStore),
  };
  const registered: number[] = [];
  for await (const pathInfo of store.pathInfos.list())
    registered.push(seedOf(pathInfo));
  const { user, system } = process.cpuUsage(startedCpu);
  const elapsedMs = Math.ceil(performance.now() - startedMs);
  tell(`ready ${elapsedMs} ${Math.ceil((user + system) / 1000)}`);
  await Promise.all([
    endure(collect(store)),
    ...Array.from({ length: WRITERS }, (_, writer) =>
      endure(
        write(
          store,
          writer,
          registered.filter((seed) => seed % WRITERS === writer),
        ),
      ),
    ),
  ]);
}

/** The trees of a writer are its own to forget. */
async function write(
  { blobs, directories, pathInfos }: BusyStore,
  writer: number,
  mine: number[],
): Promise<never> {
  const random = randomNumbers(Number(run) * WRITERS + writer);
  for (let seed = 100_000 * Number(run) + writer; ; seed += WRITERS) {
    const choice = random();
    // The collection gets its turns, too.
    for (let turns = Math.floor(TURNS * random()); turns > 0; turns -= 1)
      await yieldTurn();
    if (mine.length > 0 && (choice < 0.25 || mine.length >= MOST_TREES)) {
      const at = Math.floor(random() * mine.length);
      const [forgotten] = mine.splice(at, 1) as [number];
      tell(`?${forgotten}`);
      await pathInfos.delete([busyPath(forgotten).digest]);
      tell(`-${forgotten}`);
    } else if (choice < 0.45) {
      // The second one is often stored already.
      const seeds = [seed, seed % 40];
      await blobs.putMany(seeds.map(busyBlob));
      for (const stored of seeds) tell(`b${stored}`);
    } else {
      const tree = busyTree(seed);
      await blobs.putMany(tree.blobs);
      for (const each of tree.directories) await directories.put(each);
      await pathInfos.put(tree.pathInfo);
      mine.push(seed);
      tell(`+${seed}`);
    }
  }
}

async function collect(store: BusyStore): Promise<void> {
  while (failures === 0) {
    await collectStore(store, { graceMs: 3_600_000 });
    // Most of the time is the writers'.
    const before = told;
    while (failures === 0 && told < before + LINES_BETWEEN_COLLECTIONS)
      await yieldTurn();
  }
}

/** Tells why it failed, which ends all of it. */
async function endure(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    failures += 1;
    const { code } = error as { code?: string };
    if (code === undefined) throw error;
    tell(`failed ${code}`);
  }
}

function yieldTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function tell(line: string): void {
  told += 1;
  writeSync(1, `${line}\n`);
}
