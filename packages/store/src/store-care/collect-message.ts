import type { CollectProgress } from '@tvix/castore';
import type {
  CollectStoreOptions,
  CollectStoreResult,
} from '../local-care/collect.ts';
import type {
  CollectGarbageRequest,
  CollectGarbageResponse,
} from '../proto/index.ts';

type Event = NonNullable<CollectGarbageResponse['event']>;
type Result = Extract<Event, { $case: 'result' }>['value'];
type Progress = Extract<Event, { $case: 'progress' }>['value'];
type Records = CollectStoreResult['kept'];

/** What a collection is told, as a message; its signal travels otherwise. */
export function collectOptionsToMessage(
  options: CollectStoreOptions,
): CollectGarbageRequest {
  const { dryRun = false, graceMs, keepNewerThanMs, maxSizeBytes } = options;
  return {
    dryRun,
    graceMs: BigInt(Math.ceil(graceMs ?? 0)),
    keepNewerThan:
      keepNewerThanMs === undefined
        ? undefined
        : { ms: BigInt(Math.ceil(keepNewerThanMs)) },
    maxSize:
      maxSizeBytes === undefined
        ? undefined
        : { bytes: BigInt(Math.floor(maxSizeBytes)) },
  };
}

/** The message as what it says. */
export function collectOptionsFromMessage({
  dryRun,
  graceMs,
  keepNewerThan,
  maxSize,
}: CollectGarbageRequest): CollectStoreOptions {
  return {
    dryRun,
    graceMs: graceMs === 0n ? undefined : Number(graceMs),
    keepNewerThanMs: keepNewerThan && Number(keepNewerThan.ms),
    maxSizeBytes: maxSize && Number(maxSize.bytes),
  };
}

/** How far a collection has come, as a message. */
export function collectProgressToMessage({
  phase,
  done,
}: CollectProgress): Progress {
  return { phase, done: BigInt(done) };
}

/** The message as what it says; `undefined` for a phase that a newer daemon has. */
export function collectProgressFromMessage({
  phase,
  done,
}: Progress): CollectProgress | undefined {
  return phase === 'mark' || phase === 'sweep' || phase === 'rewrite'
    ? { phase, done: Number(done) }
    : undefined;
}

/** What a collection did, as a message. */
export function collectResultToMessage(result: CollectStoreResult): Result {
  const { packs } = result;
  return {
    paths: BigInt(result.paths),
    kept: recordsToMessage(result.kept),
    collected: recordsToMessage(result.collected),
    missing: BigInt(result.missing),
    removedPacks: BigInt(packs.removed),
    movedBytes: BigInt(packs.movedBytes),
    freedBytes: BigInt(packs.freedBytes),
    leftPacks: BigInt(packs.left),
  };
}

/** The message as what it says. */
export function collectResultFromMessage(result: Result): CollectStoreResult {
  return {
    kept: recordsFromMessage(result.kept),
    collected: recordsFromMessage(result.collected),
    missing: Number(result.missing),
    packs: {
      removed: Number(result.removedPacks),
      movedBytes: Number(result.movedBytes),
      freedBytes: Number(result.freedBytes),
      left: Number(result.leftPacks),
    },
    paths: Number(result.paths),
  };
}

function recordsToMessage({
  objects,
  storedBytes,
}: Records): NonNullable<Result['kept']> {
  return { objects: BigInt(objects), storedBytes: BigInt(storedBytes) };
}

function recordsFromMessage(records: Result['kept']): Records {
  return {
    objects: Number(records?.objects ?? 0),
    storedBytes: Number(records?.storedBytes ?? 0),
  };
}
