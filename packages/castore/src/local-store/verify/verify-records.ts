import { TimeSlice, yieldToLoop } from '../../blob-service/time-slice.ts';
import { B3Digest } from '../../digest/b3-digest.ts';
import { decodeIndexEntry } from '../index/index-entry.ts';
import { scanIndex } from '../index/index-scan.ts';
import type { LocalStore } from '../local-store.ts';
import { QuietReader } from '../read/quiet-reader.ts';
import { recordSpan } from '../packs/record.ts';
import { IndexSpace } from '../index/store-index.ts';
import { type Damage, indexDamage } from './damage.ts';
import {
  inspectEntry,
  namesOfSpaces,
  type RecordSpace,
} from './inspect-entry.ts';
import { Pace } from './pace.ts';

/** How records are walked through. */
export interface RecordWalk {
  /** The index key to go on behind; from the start where left out. */
  readonly after?: Uint8Array | undefined;
  readonly report: (damage: Damage) => void;
  /** Hears of each page once it is verified, and is waited for. */
  readonly onPage: (page: VerifiedPage) => void | Promise<void>;
  readonly bytesPerSecond?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Some records that follow each other in the index. */
export interface VerifiedPage {
  readonly records: number;
  /** Of packs. */
  readonly bytes: number;
  /** The index key of the last one. */
  readonly last: Uint8Array;
}

type Entry = readonly [key: Buffer, value: Buffer];

const SPACES: readonly RecordSpace[] = [
  IndexSpace.tables,
  IndexSpace.directory,
  IndexSpace.recipe,
  IndexSpace.chunk,
];

/** Reads every record that the index leads to, and checks it against its key and what it leads to. */
export async function verifyRecords(
  store: LocalStore,
  walk: RecordWalk,
): Promise<void> {
  const { after, report } = walk;
  const pace = new Pace(walk.bytesPerSecond);
  const reader = new QuietReader(store);
  const begun = after && SPACES.findIndex((space) => space === after[0]);
  const spaces = SPACES.slice(Math.max(begun ?? 0, 0));
  try {
    for (const space of spaces) {
      const start = space === after?.[0] ? after : undefined;
      for await (const page of listSpace(store, space, start, report))
        await walk.onPage(
          await verifyPage(store, reader, space, page, { ...walk, pace }),
        );
    }
  } finally {
    reader.close();
  }
}

/** The pages of a space; where it can't be listed to its end, that is damage. */
async function* listSpace(
  { interior }: LocalStore,
  space: RecordSpace,
  after: Uint8Array | undefined,
  report: RecordWalk['report'],
): AsyncGenerator<readonly Entry[]> {
  const pages = scanIndex(interior.index, space, after);
  for (;;) {
    let next;
    try {
      next = await pages.next();
    } catch (cause) {
      report(indexDamage(`the ${namesOfSpaces[space]} can't be listed`, cause));
      return;
    }
    if (next.done === true) return;
    yield next.value;
  }
}

async function verifyPage(
  store: LocalStore,
  reader: QuietReader,
  space: RecordSpace,
  page: readonly Entry[],
  { report, pace, signal }: RecordWalk & { readonly pace: Pace },
): Promise<VerifiedPage> {
  const located: {
    key: Buffer;
    pack: number;
    offset: number;
    bytes: number;
  }[] = [];
  for (const [key, entry] of page) {
    try {
      const { pack, offset, storedLength } = decodeIndexEntry(key, entry);
      located.push({ key, pack, offset, bytes: recordSpan(storedLength) });
    } catch (cause) {
      report(indexDamage('an entry is damaged', cause));
    }
  }
  // Packs are read from front to back.
  located.sort((a, b) => a.pack - b.pack || a.offset - b.offset);
  const slice = new TimeSlice();
  let total = 0;
  for (const { key, pack, bytes } of located) {
    if (slice.isOver()) {
      await yieldToLoop();
      slice.restart();
    }
    signal?.throwIfAborted();
    const found = inspectEntry(store, reader, space, key);
    if (found !== undefined) {
      report({
        what: namesOfSpaces[space],
        fault: found.fault,
        digest:
          space === IndexSpace.tables
            ? undefined
            : B3Digest.fromBytes(new Uint8Array(key.subarray(1))),
        pack,
        message: found.message,
      });
    }
    total += bytes;
    await pace.took(bytes, signal);
  }
  return { records: page.length, bytes: total, last: page.at(-1)![0] };
}
