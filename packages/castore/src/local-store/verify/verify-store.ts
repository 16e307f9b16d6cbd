import { setTimeout as delay } from 'node:timers/promises';
import { TimeSlice, yieldToLoop } from '../../blob-service/time-slice.ts';
import { B3Digest } from '../../digest/b3-digest.ts';
import { decodeIndexEntry } from '../index-entry.ts';
import { scanIndex } from '../index-scan.ts';
import type { LocalStore } from '../local-store.ts';
import { Packs } from '../packs.ts';
import { QuietReader } from '../quiet-reader.ts';
import { recordSpan } from '../record.ts';
import { assertKnownFeatures } from '../store-format.ts';
import { IndexSpace } from '../store-index.ts';
import type { Damage } from './damage.ts';
import {
  inspectEntry,
  namesOfSpaces,
  type RecordSpace,
} from './inspect-entry.ts';
import { verifyPacks } from './verify-packs.ts';

/** How a store is verified. */
export interface VerifyOptions {
  /** Hears of each damage when it is found. */
  readonly onDamage?: (damage: Damage) => void;
  /** Reads no faster than this on average; as fast as it goes where left out. */
  readonly bytesPerSecond?: number;
  readonly signal?: AbortSignal;
}

/** What was looked at. */
export interface VerifyResult {
  readonly records: number;
  /** Of packs. */
  readonly bytes: number;
  readonly damages: number;
  /** Records in packs that nothing leads to: garbage that a collection will take. */
  readonly unreferenced: number;
}

const SPACES: readonly RecordSpace[] = [
  IndexSpace.tables,
  IndexSpace.directory,
  IndexSpace.recipe,
  IndexSpace.chunk,
];

/**
 * Reads every record that the index leads to, checks it against its key, and that what it leads to is stored; and looks
 * whether packs and index agree. What fails is read again before it counts. Nothing is changed but, where the store is
 * open for writing, the time at which its packs were last found sound. Reads, writes and collections go on meanwhile.
 *
 * @throws CastoreError `castore/store-format`, `castore/closed`
 */
export async function verifyLocalStore(
  store: LocalStore,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  assertKnownFeatures(store.format, 'check');
  const { index, now } = store.interior;
  const startedMs = now();
  const damaged = new Set<number | undefined>();
  const result = { records: 0, bytes: 0, damages: 0, unreferenced: 0 };
  const report = (damage: Damage): void => {
    result.damages += 1;
    damaged.add(damage.pack);
    options.onDamage?.(damage);
  };
  const reader = new QuietReader(store);
  const pace = new Pace(options.bytesPerSecond);
  const countBefore = index.count();
  let counted = 0;
  try {
    for (const space of SPACES) {
      try {
        for await (const page of scanIndex(index, space)) {
          counted += page.length;
          await verifyPage(store, reader, space, page, report, options.signal);
          for (const [, entry] of page) {
            result.records += 1;
            const bytes = recordSpan(entry.readUInt32LE(12));
            result.bytes += bytes;
            await pace.took(bytes);
          }
        }
      } catch (cause) {
        options.signal?.throwIfAborted();
        report(
          indexDamage(`the ${namesOfSpaces[space]} can't be listed`, cause),
        );
      }
    }
  } finally {
    reader.close();
  }
  for (const space of [IndexSpace.packs, IndexSpace.sequence])
    for await (const page of scanIndex(index, space)) counted += page.length;
  // What was written meanwhile makes both numbers change.
  const countAfter = index.count();
  if (countBefore === countAfter && counted !== countAfter)
    report(
      indexDamage(`it says to hold ${countAfter} keys and holds ${counted}`),
    );
  const packs = await verifyPacks(store, report);
  result.unreferenced = Math.max(0, packs.records - result.records);
  await noteVerified(store, startedMs, damaged);
  return result;
}

async function verifyPage(
  store: LocalStore,
  reader: QuietReader,
  space: RecordSpace,
  page: readonly (readonly [key: Buffer, value: Buffer])[],
  report: (damage: Damage) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const located: { key: Buffer; pack: number; offset: number }[] = [];
  for (const [key, entry] of page) {
    try {
      const { pack, offset } = decodeIndexEntry(key, entry);
      located.push({ key, pack, offset });
    } catch (cause) {
      report(indexDamage('an entry is damaged', cause));
    }
  }
  // Packs are read from front to back.
  located.sort((a, b) => a.pack - b.pack || a.offset - b.offset);
  const slice = new TimeSlice();
  for (const { key, pack } of located) {
    if (slice.isOver()) {
      await yieldToLoop();
      slice.restart();
    }
    signal?.throwIfAborted();
    const found = inspectEntry(store, reader, space, key);
    if (found === undefined) continue;
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
}

/** When the packs that were there from the start and have no damage were verified. */
async function noteVerified(
  store: LocalStore,
  startedMs: number,
  damaged: ReadonlySet<number | undefined>,
): Promise<void> {
  const { packs, writing } = store.interior;
  await writing?.queue.amend(() => {
    const sound = packs.all().filter(({ number }) => !damaged.has(number));
    for (const pack of sound) pack.verifiedMs = startedMs;
    return sound.map((pack) => Packs.write(pack));
  });
}

function indexDamage(message: string, cause?: unknown): Damage {
  const reason = (cause as { message?: unknown } | undefined)?.message;
  return {
    what: 'index',
    fault: 'wrong',
    digest: undefined,
    pack: undefined,
    message: reason === undefined ? message : `${message}: ${String(reason)}`,
  };
}

/** Holds a rate on average, in steps of a tenth of a second or more. */
class Pace {
  readonly #bytesPerSecond: number | undefined;
  readonly #started = performance.now();
  #bytes = 0;

  constructor(bytesPerSecond: number | undefined) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  async took(bytes: number): Promise<void> {
    if (this.#bytesPerSecond === undefined) return;
    this.#bytes += bytes;
    const due = (1000 * this.#bytes) / this.#bytesPerSecond;
    const ahead = due - (performance.now() - this.#started);
    if (ahead > 100) await delay(ahead, undefined, { ref: false });
  }
}
